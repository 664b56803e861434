"""The paper's claims, and the verdict on each: computed by rule from the intervals of `evidence`, never typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd
from rich.console import Console

from ttc.terminal import print_plain


class ClaimsFormat(StrEnum):
    """How the claims are printed."""

    text = "text"
    md = "md"


class Verdict(StrEnum):
    """What the intervals say about a claim."""

    holds = "holds"  # every test's interval lies on the side that the claim wants
    fails = "does not hold"  # at least one lies wholly on the other side
    undecided = "undecided"  # none does, but not all are on the wanted side
    untestable = "not testable here"  # the runs do not allow a test


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        name: C1 to C14.
        text: the claim in a sentence.
        paper: the paper's numbers.
        needs: what runs are missing where it is not testable.
        otherwise: where the paper's effect comes from, and so what may be different where it does not show.
    """

    name: str
    text: str
    paper: str
    needs: str
    otherwise: str


@dataclass(frozen=True)
class Judgement:
    """A claim with the tests that decide about it."""

    claim: Claim
    verdict: Verdict
    tests: pd.DataFrame

    @property
    def explanation(self) -> str:
        """Say why the claim does not hold, or is not decided; empty where it holds."""
        if self.verdict is Verdict.holds:
            return ""
        if self.verdict is Verdict.untestable:
            return f"It needs {self.claim.needs}."
        against = [row for _, row in self.tests.iterrows() if _side(row) is not Verdict.holds]
        named = "; ".join(f"{row['test']}: {shown(row)}{_wanted(row)}" for row in against)
        return f"{named}. {self.claim.otherwise}"


_SEARCHES = "runs of best_of_n and beam"
_REVISIONS = "runs of revisions at several ratios"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "C1",
        "Best-of-N weighted beats majority.",
        "36.7 to about 28.5 at 256",
        "runs of best_of_n",
        "The verifier's weights decide this alone.",
    ),
    Claim(
        "C2",
        "Beam search beats best-of-N at small budgets.",
        "figure 3 left",
        _SEARCHES,
        "Search gains where correct solutions are rare among independent samples.",
    ),
    Claim(
        "C3",
        "Beam search falls on easy problems as the budget grows.",
        "figure 3 right, bins 1-2",
        _SEARCHES,
        "The fall is over-optimisation of the verifier: it needs solutions that the verifier overrates, and a budget "
        "large enough to find them.",
    ),
    Claim(
        "C4",
        "Beam search beats best-of-N on problems of middle difficulty.",
        "figure 3 right, bins 3-4",
        _SEARCHES,
        "On bins that best-of-N nearly solves there is nothing left to gain.",
    ),
    Claim(
        "C5",
        "Nothing helps on the hardest problems.",
        "figure 3 right, bin 5",
        _SEARCHES,
        "Where the generator finds correct steps at all, even rarely, a verifier that recognises them makes search "
        "pay: the hardest bin is then not hopeless.",
    ),
    Claim(
        "C6",
        "Lookahead search trails beam search at equal cost.",
        "figure 3 left",
        "runs of beam and lookahead",
        "A lookahead pays only where the verifier judges later steps much better than earlier ones.",
    ),
    Claim(
        "C7",
        "Of a PRM's step values, the last beats the minimum, and that the product.",
        "about 37, 35 and 26.5 at 256",
        "runs of best_of_n with strategy.step_values=true",
        "The paper's product suffers from long solutions with many values below 1. Where solutions have few steps, and "
        "values near 0 or 1, the product works like a vote of all values.",
    ),
    Claim(
        "C8",
        "A PRM beats an ORM, and that beats majority.",
        "36.7, 34.0 and about 28.5 at 256",
        "runs of best_of_n with a PRM and with an ORM",
        "Both verifiers score the same samples.",
    ),
    Claim(
        "C9",
        "Pass@1 rises along a chain of revisions, past the length that was trained on.",
        "about 18 to 24% by attempt 15",
        "a run of sequential revisions",
        "A chain that is right after its first revisions has nothing left to improve: what remains are answers that "
        "turn wrong again as often as wrong ones turn right.",
    ),
    Claim(
        "C10",
        "Sequential revisions are at least as good as parallel samples.",
        "figure 6 right: narrowly ahead",
        _REVISIONS,
        "It needs a reviser that makes use of its earlier attempts.",
    ),
    Claim(
        "C11",
        "Easy problems are solved best sequentially, hard ones by a ratio in between.",
        "figure 7 right, at 128",
        _REVISIONS,
        "Differences between ratios are small where all of them solve nearly every problem.",
    ),
    Claim(
        "C12",
        "Compute-optimal scaling matches the parallel baseline with a quarter of its budget.",
        "search 33.2 (predicted bins 32.7) at 16, best-of-N 33.7 at 64",
        _SEARCHES,
        "The saving is what the best strategy of each bin gains over the same one for all.",
    ),
    Claim(
        "C13",
        "With few inferences, a small model with test-time compute beats the larger one on easy and medium problems.",
        "relative change +21.6 and +27.8% (search +19.1 and -5.6%) at R = 0.16",
        "a greedy run of a larger model",
        "The larger model must leave room on these problems.",
    ),
    Claim(
        "C14",
        "On hard problems, and with many inferences, the larger model wins.",
        "-11.9% (search -35.3%) on hard problems at R = 0.79; -37.2% (-52.9%) at 22",
        "a greedy run of a larger model",
        "The larger model wins only if it knows what the small one lacks. If both were trained on the same mistakes, "
        "its greedy answers repeat them, and sampling with a verifier avoids them.",
    ),
)


def judge(evidence: pd.DataFrame) -> list[Judgement]:
    """Return the verdict on every claim, from the tests alone."""
    return [_judged(claim, evidence[evidence["claim"] == claim.name]) for claim in CLAIMS]


def _judged(claim: Claim, tests: pd.DataFrame) -> Judgement:
    sides = [_side(row) for _, row in tests.iterrows()]
    if not sides:
        verdict = Verdict.untestable
    elif Verdict.fails in sides:
        verdict = Verdict.fails
    else:
        verdict = Verdict.holds if set(sides) == {Verdict.holds} else Verdict.undecided
    return Judgement(claim, verdict, tests)


def _side(row: pd.Series) -> Verdict:
    """Return where a test's interval lies."""
    sign = 1 if row["wanted"] == "above" else -1
    lo, hi = sorted((sign * (row["lo"] - row["margin"]), sign * (row["hi"] - row["margin"])))
    if lo > 0 or (lo == 0 and hi > 0 and row["margin"] != 0):  # a margin may be met, a difference may not be 0
        return Verdict.holds
    return Verdict.fails if hi < 0 else Verdict.undecided


def shown(row: pd.Series) -> str:
    """Return a test's mean with its interval."""
    return f"{row['mean']:+.1f} [{row['lo']:+.1f}, {row['hi']:+.1f}]"


def _wanted(row: pd.Series) -> str:
    margin = f"{row['margin']:g}" if row["margin"] else "0"
    return f" (the claim wants it {row['wanted']} {margin})"


def print_claims(judgements: Sequence[Judgement], console: Console) -> None:
    """Print the claims with their verdicts, and why those that do not hold do not."""
    for judgement in judgements:
        print_plain(console, f"{judgement.claim.name:<5}{judgement.verdict:<19}{judgement.claim.text}")
    for judgement in judgements:
        if judgement.explanation:
            print_plain(console, f"{judgement.claim.name}: {judgement.explanation}", style="dim")


def claims_markdown(judgements: Sequence[Judgement], source: str) -> str:
    """Return the table of all claims as Markdown; `source` says what was run."""
    decided = sum(judgement.verdict in (Verdict.holds, Verdict.fails) for judgement in judgements)
    held = sum(judgement.verdict is Verdict.holds for judgement in judgements)
    lines = [
        f"{held} of {len(judgements)} claims hold here, {decided} are decided by their intervals. {source}",
        "Differences are in points of accuracy, paired by problem, with 95% bootstrap intervals over problems. A claim",
        "holds if every test's interval lies on the side that it wants, and does not hold if one lies wholly on the",
        "other side; where a margin is given in `claims.csv`, the interval is compared with that instead of 0.",
        "",
        "| | claim | in the paper | here | verdict |",
        "|---|---|---|---|---|",
    ]
    for judgement in judgements:
        claim = judgement.claim
        tests = "<br>".join(f"{row['test']}: {shown(row)}" for _, row in judgement.tests.iterrows())
        lines.append(f"| {claim.name} | {claim.text} | {claim.paper} | {tests} | **{judgement.verdict}** |")
    explained = [judgement for judgement in judgements if judgement.explanation]
    if explained:
        lines += ["", "What does not hold, and what is not decided:", ""]
        lines += [f"- **{j.claim.name}, {j.verdict}.** {j.explanation}" for j in explained]
    return "\n".join(lines) + "\n"
