"""Oracle difficulty: how often the generator solves a problem, and five bins of it."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ttc.difficulty.base import Bins, Difficulty
from ttc.errors import UserError
from ttc.files import expanded, read_json
from ttc.runs.directory import RunDirectory
from ttc.terminal import printable_line

BINS = 5
SHIPPED = Path(__file__).resolve().parent.parent / "pocket" / "pass1.json"
PATH_HINT = "difficulty.path is a JSON table {id: pass@1}, or the directory of a finished majority or best_of_n run."


def quintiles(pass1: Mapping[str, float]) -> dict[str, int]:
    """Cut problems into five bins of equal count by pass@1 in [0, 1]: 1 is the easiest, 5 the hardest.

    Bin sizes differ by at most one. Ties are broken by a hash of the id: deterministic, and independent of subjects and
    levels, which ids often contain. Source: Snell et al. 2024, section 3.2 (oracle difficulty).
    """
    ranked = sorted(pass1, key=lambda id_: (-pass1[id_], zlib.crc32(id_.encode("utf-8", "surrogatepass")), id_))
    return {id_: rank * BINS // len(ranked) + 1 for rank, id_ in enumerate(ranked)}


@dataclass
class OracleDifficulty(Difficulty):
    """Oracle difficulty: bins of pass@1 measured with the gold answers.

    `path` is a JSON table {id: pass@1}, or the directory of a finished run whose samples were independent.
    """

    path: str | None = None

    def check(self) -> None:
        if self.path is not None:
            read_pass1(_given(self.path))

    def bins(self, ids: Sequence[str], own: Mapping[str, float] | None = None) -> Bins:
        """Bin the problems `ids`.

        With a `path`, the bins are those of its whole table, so that a problem keeps its bin whatever `data.limit` is.
        Without one, the pocket's test problems are binned by the table that ships with the package, measured with the
        pocket generator; other problems by `own`.
        """
        if self.path is None:
            shipped = _shipped_quintiles()
            if all(id_ in shipped for id_ in ids):
                return Bins({id_: shipped[id_] for id_ in ids})
            return _own_bins(own)
        table = read_pass1(_given(self.path))
        known = {id_: quintile for id_, quintile in quintiles(table).items() if id_ in set(ids)}
        if ids and not known:
            raise UserError(
                f"difficulty.path={self.path} holds none of the {len(ids)} problems "
                f"(its ids look like {_shown(next(iter(table)))}, the data's like {_shown(ids[0])}); "
                "give a table or run of the same data."
            )
        missing = len(set(ids)) - len(known)
        note = f"{missing} of {len(set(ids))} problems are not in difficulty.path={self.path}: quintile unknown"
        return Bins(known, note if missing else None)


def _shipped_quintiles() -> dict[str, int]:
    """Return the quintiles of the pocket's test problems; empty while the table that ships is being made."""
    return quintiles(read_pass1(SHIPPED)) if SHIPPED.exists() else {}


def _own_bins(own: Mapping[str, float] | None) -> Bins:
    if own is None:
        return Bins(
            {},
            "quintiles unknown: this strategy's samples do not measure pass@1; "
            "add difficulty.path=DIR, a majority or best_of_n run on the same data",
        )
    return Bins(
        quintiles(own),
        "quintiles come from this run's own samples, which flatters the easy bins; "
        "difficulty.path=DIR of another run makes them independent",
    )


def _given(path: str) -> Path:
    if not path.strip():
        raise UserError(f"difficulty.path={path!r} is empty; {PATH_HINT}")
    return expanded(path)


def _shown(value: object) -> str:
    return printable_line(repr(value), 80)


def read_pass1(path: Path) -> dict[str, float]:
    """Read pass@1 by problem id from a JSON table or a run directory.

    Raises:
        UserError: it is neither, or has values outside [0, 1].
    """
    return _from_run(RunDirectory(path)) if path.is_dir() else _from_table(path)


def _from_table(path: Path) -> dict[str, float]:
    table = read_json(path, hint=PATH_HINT)
    if not isinstance(table, dict) or not table:
        raise UserError(f"difficulty.path={path} is not a JSON object {{id: pass@1}}; give one, or a run directory.")
    for id_, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise UserError(
                f"difficulty.path={path}: {_shown(id_)} has pass@1 {_shown(value)}; it must be a number in [0, 1]."
            )
    return {id_: float(value) for id_, value in table.items()}


def _from_run(run: RunDirectory) -> dict[str, float]:
    """Return each problem's share of correct candidates in a finished run of a parallel strategy."""
    # Only a run of independent samples calls their mean pass@1; beams or revisions would bend the bins.
    if "pass@1" not in (run.summary().get("selections") or {}):
        raise UserError(
            f"difficulty.path={run.path} is not a run of independent samples; give one of strategy=majority or "
            "best_of_n."
        )
    pass1 = {
        record.id: math.fsum(candidate.correct for candidate in record.candidates) / len(record.candidates)
        for record in run.records()
        if record.candidates
    }
    if not pass1:
        raise UserError(f"difficulty.path={run.path} holds no candidates; give a finished run of strategy=majority.")
    return pass1
