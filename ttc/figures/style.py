"""How series look: one colour, marker and line for each, the same in all figures, and readable without colours.

The colours are those of Okabe and Ito (2008), which people with a colour vision deficiency can tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass

BLACK, GREY = "#000000", "#767676"
ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7"
_SCALE = (
    "#b8a500",
    "#4db452",
    "#21918c",
    "#3b528b",
    "#440154",
)  # viridis, whose bright end is darkened for white paper


@dataclass(frozen=True)
class SeriesStyle:
    """Colour, marker, dashes and hatching of a series."""

    colour: str
    marker: str
    line: str = "-"
    hatch: str = ""


_KNOWN: dict[str, SeriesStyle] = {
    "majority": SeriesStyle(GREY, "x", ":", ".."),
    "parallel majority": SeriesStyle(GREY, "x", ":", ".."),
    "best-of-N weighted": SeriesStyle(BLACK, "s", "--", "//"),
    "PRM best-of-N weighted": SeriesStyle(BLACK, "s", "--", "//"),
    "parallel best-of-N weighted": SeriesStyle(BLACK, "s", "--", "//"),
    "ORM best-of-N weighted": SeriesStyle(PURPLE, "v", "-."),
    "ORM": SeriesStyle(PURPLE, "v", "-."),
    "compute-optimal, oracle bins": SeriesStyle(VERMILION, "o"),
    "compute-optimal, predicted bins": SeriesStyle(BLUE, "^"),
    "beam, M = 4": SeriesStyle(GREEN, "o"),
    "beam, M = √N": SeriesStyle(ORANGE, "D"),
    "lookahead k = 1, M = √N": SeriesStyle(SKY, "^", "-."),
    "lookahead k = 3, M = √N": SeriesStyle(BLUE, "v", "-."),
    "lookahead k = 3, M = 4": SeriesStyle(PURPLE, "P", "-."),
    "sequential, verifier": SeriesStyle(VERMILION, "o"),
    "parallel, verifier": SeriesStyle(BLACK, "s", "--"),
    "sequential, majority": SeriesStyle(ORANGE, "^", "-."),
    "parallel, majority": SeriesStyle(GREY, "x", ":"),
    "PRM, last": SeriesStyle(BLACK, "s", "--"),
    "PRM, min": SeriesStyle(BLUE, "^"),
    "PRM, prod": SeriesStyle(ORANGE, "D"),
    "PRM": SeriesStyle(BLACK, "s", "--"),
    "revision verifier, with history": SeriesStyle(VERMILION, "o"),
    "revision verifier, without history": SeriesStyle(BLUE, "^"),
    "one chain": SeriesStyle(VERMILION, "o"),
    "several chains": SeriesStyle(BLUE, "^", "--"),
    "reviser": SeriesStyle(BLACK, "s", "--"),
    "ReST-EM reviser": SeriesStyle(VERMILION, "o"),
    "easy": SeriesStyle(SKY, "o", "-", ""),
    "medium": SeriesStyle(BLUE, "s", "-", "//"),
    "hard": SeriesStyle(BLACK, "^", "-", ".."),
}
_OTHERS = [SeriesStyle(colour, marker) for colour, marker in zip((GREEN, ORANGE, SKY), "hp*", strict=True)]


def style_of(series: str, place: int = 0, count: int = 1) -> SeriesStyle:
    """Return the style of a series; those of an ordered family, bins or budgets, get a scale from bright to dark.

    Args:
        series: its name.
        place: among the series of its panel.
        count: of those.
    """
    if series.startswith(("bin ", "larger model, bin ")):
        number = series.rpartition(" ")[2]
        return SeriesStyle(_SCALE[(int(number) - 1) % len(_SCALE)], f"${number}$")
    if series.startswith("N = "):
        shade = _SCALE[round(place * (len(_SCALE) - 1) / max(count - 1, 1))]
        return SeriesStyle(shade, "osD^v"[place % 5], "-" if place % 2 else "--")
    return _KNOWN.get(series) or _OTHERS[place % len(_OTHERS)]
