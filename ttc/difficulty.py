"""How hard a problem is for the generator: pass@1, and five bins of it."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ttc.errors import UserError

BINS = 5


def quintiles(pass1: Mapping[str, float]) -> dict[str, int]:
    """Cut problems into five bins of equal count by pass@1 in [0, 1]: 1 is the easiest, 5 the hardest.

    Bin sizes differ by one at most. Ties are broken by a hash of the id: deterministic, yet blind to subjects and
    levels, which ids often spell out. Source: Snell et al. 2024, section 3.2 (oracle difficulty).
    """
    ranked = sorted(pass1, key=lambda id_: (-pass1[id_], zlib.crc32(id_.encode()), id_))
    return {id_: rank * BINS // len(ranked) + 1 for rank, id_ in enumerate(ranked)}


@dataclass(frozen=True, slots=True)
class Bins:
    """The bin of every problem that has one, and a line about where the bins come from when that matters."""

    quintile: dict[str, int]
    note: str | None = None


@dataclass
class OracleDifficulty:
    """Oracle difficulty: bins of pass@1 measured with the gold answers.

    `path` is a JSON table {id: pass@1}, or the directory of a finished run whose samples were independent.
    """

    path: str | None = None

    def bins(self, ids: Sequence[str], own: Mapping[str, float] | None = None) -> Bins:
        """Bin the problems `ids`.

        With a `path`, the bins are those of its whole table, so a problem keeps its bin whatever `data.limit` is.
        Without one the pocket's test problems are binned by the table that ships with the package, measured with the
        pocket generator; others by `own`, the run's own pass@1, where its strategy samples independently (None
        otherwise). Raises UserError for a file that is no table or holds none of `ids`.
        """
        if self.path is None:
            shipped = _shipped_quintiles()
            if all(id_ in shipped for id_ in ids):
                return Bins({id_: shipped[id_] for id_ in ids})
            return _own_bins(own)
        table = read_pass1(Path(self.path))
        known = {id_: quintile for id_, quintile in quintiles(table).items() if id_ in set(ids)}
        if ids and not known:
            raise UserError(
                f"difficulty.path={self.path} holds none of the {len(ids)} problems "
                f"(its ids look like {next(iter(table))!r}, the data's like {ids[0]!r}); "
                "give a table or run of the same data"
            )
        missing = len(set(ids)) - len(known)
        note = f"{missing} of {len(set(ids))} problems are not in difficulty.path={self.path}: quintile unknown"
        return Bins(known, note if missing else None)


def _shipped_quintiles() -> dict[str, int]:
    """Quintiles of the pocket's test problems; none where the package carries no table (while it is being made)."""
    file = Path(__file__).resolve().parent / "pocket" / "pass1.json"
    return quintiles(read_pass1(file)) if file.exists() else {}


def read_pass1(path: Path) -> dict[str, float]:
    """Read pass@1 by problem id from a JSON table or a run directory; UserError says what is wrong with it."""
    if path.is_dir():
        return _from_run(path)
    table = _json(path, _text(path))
    if not isinstance(table, dict) or not table:
        raise UserError(f"difficulty.path={path} is not a JSON object {{id: pass@1}}; give one, or a run directory")
    for id_, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise UserError(f"difficulty.path={path}: {id_!r} has pass@1 {value!r}; it must be a number in [0, 1]")
    return {id_: float(value) for id_, value in table.items()}


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


def _from_run(directory: Path) -> dict[str, float]:
    """Return each problem's share of correct candidates in a finished run of a parallel strategy."""
    summary = _json(directory / "summary.json", _text(directory / "summary.json"))
    # Only a run of independent samples calls their mean pass@1; beams or revisions would bend the bins.
    if not isinstance(summary, dict) or "pass@1" not in (summary.get("selections") or {}):
        raise UserError(
            f"difficulty.path={directory} is no run of independent samples; give one of strategy=majority or best_of_n"
        )
    path = directory / "problems.jsonl"
    pass1: dict[str, float] = {}
    for number, line in enumerate(_text(path).removesuffix("\n").split("\n"), start=1):
        row = _json(path, line, number)
        try:
            correct = [bool(candidate["correct"]) for candidate in row["candidates"]]
            id_ = str(row["id"])
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}:{number} is not a row of a run (no {error}); run it again") from None
        if correct:
            pass1[id_] = math.fsum(correct) / len(correct)
    if not pass1:
        raise UserError(f"difficulty.path={directory} holds no candidates; give a finished run of strategy=majority")
    return pass1


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UserError(
            f"{path} cannot be read ({reason}); difficulty.path is a JSON table {{id: pass@1}} or a finished run's "
            "directory"
        ) from None


def _json(path: Path, text: str, line: int = 1) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}:{line + error.lineno - 1}"
        raise UserError(f"{where} is not JSON ({error.msg}); give a table {{id: pass@1}} or a run directory") from None
