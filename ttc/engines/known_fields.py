"""Names in a config that are handed through to a class of vLLM, which must have such a field."""

from __future__ import annotations

from collections.abc import Mapping

from ttc.errors import UserError


def refuse_unknown(given: Mapping[str, object], key: str, known: Mapping[str, object], owner: str) -> None:
    """Refuse keys that a vLLM class does not have.

    Raises:
        UserError: with the nearest name.
    """
    from difflib import get_close_matches

    for name in given:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0)
            raise UserError(f"{key}.{name}: vLLM's {owner} has no such field; did you mean {near[0]}?")
