"""The part of a run's problems that one of several machines takes: data.shard=3/8."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from ttc.errors import UserError
from ttc.types import Problem

_SHARD = re.compile(r"0*([1-9][0-9]{0,8})/0*([1-9][0-9]{0,8})")
_ORDER = "shard"  # where `ttc.data.base.shuffled` has the seed: no data.seed changes the parts


def parsed_shard(text: str) -> tuple[int, int] | None:
    """Return K and N of `K/N`, the K-th of N shards; None for any other text."""
    found = _SHARD.fullmatch(text)
    number, count = (int(found[1]), int(found[2])) if found else (1, 0)
    return (number, count) if number <= count else None


def checked_shard(text: str) -> str:
    """Return `K/N`, the K-th of N shards, without leading zeros.

    Raises:
        UserError: it is no such part.
    """
    if (parsed := parsed_shard(text)) is None:
        raise UserError(
            f"data.shard={text}: must be K/N, the K-th of N parts, with K from 1 to N; use e.g. data.shard=3/8, or "
            "null for all problems."
        )
    number, count = parsed
    return f"{number}/{count}"


def sharded(problems: Sequence[Problem], shard: str) -> list[Problem]:
    """Return the shard `K/N` of the problems, in their given order.

    The problems are put in an order that depends on nothing but their levels and ids: by level, then by a hash of the
    id. There, every N-th belongs to one shard, beginning with the K-th. So the shards differ by at most one problem in
    size, those of every level too, and within a level they are random parts, alike in difficulty.

    Raises:
        UserError: there are so few problems that none is left for this shard.
    """
    number, count = map(int, shard.split("/"))
    if number > len(problems):
        raise UserError(
            f"data.shard={shard}: takes none of the {len(problems):,} problem{'s' * (len(problems) != 1)}; use at most "
            f"{len(problems)} shards, e.g. data.shard=1/{max(len(problems), 1)}."
        )
    order = sorted(range(len(problems)), key=lambda place: _key(problems[place]))
    return [problems[place] for place in sorted(order[number - 1 :: count])]


def _key(problem: Problem) -> tuple[bool, int, bytes]:
    id_hash = hashlib.sha256(f"{_ORDER}/{problem.id}".encode(errors="surrogatepass")).digest()
    return problem.level is None, problem.level or 0, id_hash
