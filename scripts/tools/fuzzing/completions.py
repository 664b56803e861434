"""Hostile completions: what a model, or somebody through it, may write to block, exhaust or take over the grader."""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ttc.grading import extract_answer, gold_answer

GOLDS = ("2", r"\frac{1}{2}", "x^2+1", "(1,2)", r"\{1,2,3\}", "3,5,7", r"x>1", "10!", r"\sqrt{2}", "No solution.")
ATOMS = ("1", "9", "x", "0.1", "e", "i", r"\pi", r"\infty", "99999999999", "1,000,000", "½", "٣", "一", "\u202e1", "²")
CODE = (
    "__import__('os').system('touch {canary}')",
    "open('{canary}', 'w')",
    "exec(\"open('{canary}','w')\")",
    "().__class__.__base__.__subclasses__()",
    "lambda: open('{canary}', 'w')",
    "$(touch {canary})",
    "`touch {canary}`",
    r"\input{{{canary}}}\write18{{touch {canary}}}",
    "'; import os; os.system('touch {canary}') #",
    "Symbol('x').__class__.__init__.__globals__['os'].system('touch {canary}')",
)
OPERATORS = ("*", "/", "-", r"\cdot", "=", "<", ",", ";", " ")
WRAPPERS = (r"\boxed{%s}", r"\boxed{%s", r"\boxed %s", r"\fbox{%s}", "The answer is %s.", "#### %s", "**Answer**\n%s")
REPEATED = ("\\boxed{", "<think>", "{", "$", "So ", " ", "\n", "(", "\\")
INSERTED = ("}", "{", "\\", "$", "\x00", "\x1b[31m", "\ud83d", "\u2028", "%", "&", "^")
_GRADE = "from ttc.__main__ import main; main()"


def hostile_completion(rng: random.Random, canary: str) -> str:
    """Return a completion; most of them end in a box."""
    answer = _damaged(rng, _expression(rng, rng.randint(0, 5), canary))
    wrapped = rng.choice(WRAPPERS)
    text = wrapped.replace("%s", answer)
    if rng.random() < 0.1:
        text = rng.choice(REPEATED) * rng.choice([10, 1000, 20_000]) + text
    return text[:100_000]


def _expression(rng: random.Random, depth: int, canary: str) -> str:
    if depth == 0:
        return rng.choice(CODE).format(canary=canary) if rng.random() < 0.05 else rng.choice(ATOMS)

    def inner() -> str:
        return _expression(rng, depth - 1, canary)

    size = rng.choice([2, 9, 40, 300])
    shapes = [
        lambda: f"{inner()}+{inner()}",
        lambda: f"{inner()}{rng.choice(OPERATORS)}{inner()}",
        lambda: rf"\frac{{{inner()}}}{{{inner()}}}",
        lambda: f"{{{inner()}}}^{{{inner()}}}",
        lambda: "^".join(["9"] * min(size, 40)),  # power towers
        lambda: "".join(f"{{{n}}}^" for n in range(min(size, 40))) + "9",
        lambda: f"({inner()}){'!' * min(size, 9)}",
        lambda: rf"\binom{{{inner()}}}{{{inner()}}}",
        lambda: f"10^{{{'9' * size}}}",
        lambda: "9" * size,
        lambda: rf"\sqrt[{inner()}]{{{inner()}}}",
        lambda: r"\sin(" * size + inner() + ")" * size,
        lambda: "(" * size + inner() + ")" * size,
        lambda: r"\left\{" + ",".join(inner() for _ in range(3)) + r"\right\}",
        lambda: r"\begin{pmatrix}" + inner() + "&" + inner() + r"\\" + inner() + "&1" + r"\end{pmatrix}",
        lambda: rf"\sum_{{n=1}}^{{{inner()}}} {inner()}",
        lambda: rf"\int_0^{{{inner()}}} {inner()} dx",
        lambda: f"({inner()}, {inner()}]",
        lambda: f"{inner()}{' ' * size}{inner()}",
        lambda: rf"\text{{{inner()}}}",
    ]
    return rng.choice(shapes)()[:5000]


def _damaged(rng: random.Random, text: str) -> str:
    """Cut, double or disturb a text in one of ten cases each."""
    at = rng.randrange(len(text) + 1)
    kind = rng.random()
    if kind < 0.1:
        return text[:at]
    if kind < 0.2:
        return text[:at] + rng.choice(INSERTED) + text[at:]
    if kind < 0.3:
        return (text * rng.choice([2, 20, 500]))[:50_000]
    return text


def grade_hostile_completions(count: int, seed: int, limit: float, total_limit: float, memory_gb: float) -> list[str]:
    """Grade completions with `ttc grade`, print what it cost, and return what went wrong."""
    rng = random.Random(seed)
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        canary, rows = Path(scratch) / "canary", Path(scratch) / "rows.jsonl"
        texts = [hostile_completion(rng, str(canary)) for _ in range(count)]
        slowest = 0.0
        for text in texts:
            before = time.process_time()
            gold_answer(extract_answer(text) or "")
            seconds = time.process_time() - before
            slowest = max(slowest, seconds)
            if seconds > limit:
                failures.append(f"{seconds:.1f} s in the main process: {text[:200]!r}")
        graded = [{"gold": rng.choice(GOLDS), "completion": text} for text in texts]
        rows.write_text("".join(json.dumps(row) + "\n" for row in graded))
        started_at = time.monotonic()
        try:
            done = subprocess.run(
                [sys.executable, "-c", _GRADE, "grade", str(rows), "--out", str(Path(scratch) / "out.jsonl")],
                cwd=scratch,
                capture_output=True,
                text=True,
                timeout=total_limit,
            )
        except subprocess.TimeoutExpired:
            return [*failures, f"no end within {total_limit:.0f} s"]
        gigabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
        print(done.stdout.strip())
        print(
            f"{count:,} completions: {time.monotonic() - started_at:.0f} s, {gigabytes:.2f} GB in the largest process, "
            f"at most {slowest:.2f} s for one in the main process"
        )
        if done.returncode or done.stderr.strip():
            failures.append(f"exit code {done.returncode}: {done.stderr.strip()[-300:]}")
        if gigabytes > memory_gb:
            failures.append(f"{gigabytes:.2f} GB of memory")
        if canary.exists():
            failures.append("a completion was executed")
    return failures
