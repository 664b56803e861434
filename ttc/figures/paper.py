"""The paper's own numbers, where its text gives them or its figures can be read: drawn as faint marks.

Snell et al. 2024; read off the figures to about 0.3 points (figures 4, 8 and 1) or 1 to 2 points (6 and 13).
"""

from __future__ import annotations

from collections.abc import Mapping

PaperPoints = Mapping[str, tuple[tuple[float, float], ...]]
"""(x, y) by series; y as a figure's own, mostly accuracy in percent."""

_ORACLE, _PREDICTED = "compute-optimal, oracle bins", "compute-optimal, predicted bins"
_SEARCH: PaperPoints = {
    "majority": ((1, 10.5), (512, 28.8)),
    "ORM best-of-N weighted": ((256, 34.0),),
    "PRM best-of-N weighted": ((1, 10.5), (4, 21.0), (16, 29.0), (64, 33.7), (256, 36.7)),
    _ORACLE: ((16, 33.2), (256, 39.4)),
    _PREDICTED: ((16, 32.7), (256, 37.1)),
}
_REVISIONS: PaperPoints = {
    "parallel best-of-N weighted": ((1, 18.6), (16, 36.0), (64, 39.4), (256, 40.4)),
    _ORACLE: ((16, 36.3), (64, 41.3), (256, 44.0)),
}


def _changes(*by_r: tuple[float, float, float]) -> PaperPoints:
    """Relative changes at R = 0.16, 0.79 and 22, for easy, medium and hard problems."""
    names = ("easy", "medium", "hard")
    return {
        name: tuple((r, at[place]) for r, at in zip((0.16, 0.79, 22.0), by_r, strict=True))
        for place, name in enumerate(names)
    }


PAPER: Mapping[str, Mapping[str, PaperPoints]] = {
    "1L": {"revisions": _REVISIONS, "search": _SEARCH},
    "1R": {
        "revisions": _changes((21.6, 27.8, 11.8), (16.7, 3.5, -11.9), (5.4, -24.3, -37.2)),
        "search": _changes((19.1, -5.6, 0.0), (2.2, -35.6, -35.3), (2.0, -30.6, -52.9)),
    },
    "4": {"": _SEARCH},
    "6L": {"": {"one chain": ((1, 18.0), (15, 24.0))}},
    "8": {"": _REVISIONS},
    "13": {
        "": {
            "PRM, last": ((256, 37.0),),
            "PRM, min": ((256, 35.0),),
            "ORM": ((256, 34.0),),
            "majority": ((256, 28.5),),
            "PRM, prod": ((256, 26.5),),
        }
    },
    "15": {
        "": {
            "revision verifier, with history": ((64, 41.0),),
            "revision verifier, without history": ((64, 40.0),),
        }
    },
}
"""By figure, panel and series."""
