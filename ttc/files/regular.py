"""What may be opened: regular files. Pipes, sockets and devices can make a program wait or read for ever."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def expanded(path: str) -> Path:
    """Return a path with its ~ replaced by the home directory; an unknown ~user stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, without ever waiting.

    Raises:
        OSError: it is absent, no regular file, or unreadable; `strerror` says which.
    """
    stat_regular(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _check(os.fstat(descriptor))  # it may have been replaced in between
    except OSError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def stat_regular(path: Path) -> os.stat_result:
    """Return the status of a regular file, behind symbolic links.

    Raises:
        OSError: it is absent, no regular file, or unreachable; `strerror` says which.
    """
    if "\0" in str(path):  # for which Python raises ValueError
        raise OSError(errno.EINVAL, "its name contains a NUL character")
    found = os.stat(path)
    _check(found)
    return found


def _check(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        code = errno.EISDIR if stat.S_ISDIR(found.st_mode) else errno.EINVAL
        raise OSError(code, f"{kind}, not a regular file")
