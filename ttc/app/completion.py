"""Shell completion: Hydra's own, of groups, options, keys and current values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hydra.plugins.completion_plugin import DefaultCompletionPlugin

from ttc.app.hydra_internals import config_loader
from ttc.app.registry import config_directory


def complete(config_name: str, words: Sequence[str], incomplete: str) -> list[str]:
    """Return the candidates that may replace `incomplete`: groups, options, keys and current values."""
    rejoined = _rejoined(words, incomplete)
    words, word = rejoined[:-1], rejoined[-1]
    plugin = DefaultCompletionPlugin(config_loader(str(config_directory())))
    settled = ["-m", *(w for w in words if "=" in w and not w.startswith("-") and not set(w) & set(" \"'"))]

    def query(partial: str) -> list[str]:
        return list(map(str, plugin._query(config_name, " ".join([*settled, partial]))))

    key, eq, value = word.partition("=")
    swept, comma, last = value.rpartition(",")  # strategy=beam,<TAB> completes the next option
    found = [f"{key}={swept}{comma}{name.partition('=')[2]}" if comma else name for name in query(f"{key}{eq}{last}")]
    hidden = {"hydra", "train", "tracker"} if config_name.startswith("train/") else {"hydra", "train", "trainable"}
    found = [name for name in found if word or re.split(r"[=/.@]", name)[0] not in hidden]
    if len(found) == 1 and found[0].endswith("="):  # a lone `strategy=` would be followed by a blank
        found = query(found[0]) or found
    unsplit = len(word) - len(incomplete)  # bash splits words at "=": it holds and wants the part behind it only
    return [name[unsplit:] for name in found if name.startswith(word)]


def _rejoined(words: Sequence[str], incomplete: str) -> list[str]:
    """Undo bash, which hands `strategy=be` over as `strategy`, `=`, `be` (and Typer drops a `=` at the very end)."""
    joined: list[str] = []
    for word in [*words, incomplete]:
        if joined and (word == "=" or joined[-1].endswith("=")):
            joined[-1] += word
        else:
            joined.append(word)
    *settled, last = joined
    is_key = settled and "=" not in settled[-1] and not settled[-1].startswith("-")
    if is_key and not (len(settled) > 1 and settled[-2].startswith("-")):  # `--cfg job` has a word without "=" too
        return [*settled[:-1], f"{settled[-1]}={last}"]
    return joined
