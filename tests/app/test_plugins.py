"""A strategy, a dataset, a verifier, a generator and a difficulty of another package run like ttc's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from quick_parts import INSTANT
from typer.testing import CliRunner

from ttc.app.registry import GROUPS
from ttc.cli import app

PACKAGE = '''
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ttc.cost import ModelShape
from ttc.data.base import Dataset
from ttc.difficulty.base import Bins, Difficulty
from ttc.engines.base import Draw, EngineReply, Generator, Usage, Verifier
from ttc.hashing import digest
from ttc.strategies.base import Strategy
from ttc.strategies.flows import sample, score
from ttc.types import Candidate, FinishReason, Flow, Problem, Reply, Request, Sample, Step, Trace


@dataclass
class TwoRounds(Strategy):
    """Best-of-N in two rounds."""

    first: int = 1

    def solve(self, problem: Problem, budget: int) -> Flow:
        candidates = []
        for count in (self.first, budget - self.first):
            traces = yield from sample([Trace(problem)] * count)
            values = yield from score(traces)
            candidates += [Candidate(trace, (value,)) for trace, value in zip(traces, values)]
        return candidates


@dataclass
class Beam(TwoRounds):
    """Has the name of a class of ttc."""


@dataclass
class Sums(Dataset):
    """n + n for n = 1 .. count."""

    name: str = "sums"
    count: int = 3

    def read(self) -> list[Problem]:
        return [Problem(f"sum-{n}", f"{n}+{n}?", str(2 * n)) for n in range(1, self.count + 1)]


'''
PACKAGE += (
    INSTANT
    + '''

class Arithmetic(Instant):
    def _reply(self, request: Request, draw: Draw) -> Reply:
        if not isinstance(request, Sample):
            return 0.9 if request.trace.text.endswith("+0}") else 0.1
        n = request.trace.problem.question.partition("+")[0]
        text = f"\\\\boxed{{{n}+{n}+{draw.index}}}"
        return request.trace.extended((Step(text, (1,)),), FinishReason.STOP)


@dataclass
class Adder(Generator):
    """Answers n + n + the number of the draw: only the first sample is correct."""

    @property
    def name(self) -> str:
        return "adder"

    def start(self) -> Instant:
        return Arithmetic()


@dataclass
class Checker(Verifier):
    """Scores the correct answer highest."""

    @property
    def name(self) -> str:
        return "checker"

    def start(self) -> Instant:
        return Arithmetic()


@dataclass
class Halves(Difficulty):
    """Every second problem is hard."""

    def bins(self, ids: Sequence[str], own: Mapping[str, float] | None = None) -> Bins:
        return Bins({id_: 1 + 4 * (number % 2) for number, id_ in enumerate(ids)})


class NotADataclass(Strategy):
    def solve(self, problem: Problem, budget: int) -> Flow:
        return (yield from ())
'''
)

ENTRY_POINTS = """
[ttc.strategies]
two_rounds = plugged:TwoRounds
namesake = plugged:Beam
broken = absent:Thing
[ttc.datasets]
sums = plugged:Sums
[ttc.verifiers]
checker = plugged:Checker
[ttc.generators]
adder = plugged:Adder
[ttc.difficulties]
halves = plugged:Halves
"""

BY_PATH = (
    "strategy._target_=plugged.TwoRounds",
    "generator._target_=plugged.Adder",
    "prm._target_=plugged.Checker",
    "data._target_=plugged.Sums",
    "difficulty._target_=plugged.Halves",
)
PLUGGED = {
    "two_rounds",
    "namesake",
    "sums",
    "checker",
    "adder",
    "halves",
    "TwoRounds",
    "Sums",
    "Checker",
    "Adder",
    "Halves",
}
RUN = ("run", "budget=4", "store=off", "hydra.run.dir=out")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a package of its own, which ttc runs in."""
    (tmp_path / "plugged.py").write_text(PACKAGE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("plugged", None)
    repository = ConfigStore.instance().repo
    for options in (repository, *(repository.get(group, {}) for group in (*GROUPS, "target"))):
        for name in [name for name in options if name.removesuffix(".yaml").removeprefix("plugged.") in PLUGGED]:
            del options[name]


def summary(*arguments: str) -> dict[str, object]:
    result = CliRunner().invoke(app, [*RUN, *arguments])
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(Path("out/summary.json").read_text())
    return found


def error(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*RUN, *arguments])
    assert result.exit_code == 2, result.output
    assert result.output.count("\n") == 1
    return result.output


def test_classes_of_another_package_are_named_on_the_command_line(project: Path) -> None:
    found = summary(*BY_PATH, "strategy.first=2", "data.count=4")
    assert [found[key] for key in ("strategy", "generator", "prm", "data")] == [
        "two_rounds",
        "adder",
        "checker",
        "sums",
    ]
    assert (found["n_problems"], found["generations"], found["accuracy"]) == (4, 16, 1.0)
    assert set(found["by_quintile"]) == {"1", "5"}  # type: ignore[call-overload]


def test_classes_of_another_package_are_swept(project: Path) -> None:
    result = CliRunner().invoke(
        app,
        [
            *("run", "-m", "store=off", *BY_PATH[1:], "budget=2,4", "hydra.sweep.dir=out"),
            "strategy._target_=plugged.TwoRounds,ttc.strategies.parallel.BestOfN",
        ],
    )
    assert result.exit_code == 0, result.output
    summaries = [json.loads(path.read_text()) for path in sorted(Path("out").rglob("summary.json"))]
    assert [(s["strategy"], s["budget"]) for s in summaries] == [
        ("two_rounds", 2),
        ("best_of_n", 2),
        ("two_rounds", 4),
        ("best_of_n", 4),
    ]


def test_a_user_defined_yaml_file_names_a_class_by_target(project: Path) -> None:
    for group, content in {
        "strategy": "_target_: plugged.TwoRounds\nfirst: 3\n",
        "data": "_target_: plugged.Sums\ncount: 2\n",
        "prm": "_target_: plugged.Checker\n",
        "generator": "_target_: plugged.Adder\n",
    }.items():
        (project / "conf" / group).mkdir(parents=True)
        (project / "conf" / group / "mine.yaml").write_text(content)
    options = [f"{group}=mine" for group in ("strategy", "data", "prm", "generator")]
    found = summary("--config-dir", "conf", *options, "difficulty._target_=plugged.Halves", "+data.limit=1")
    assert (found["strategy"], found["n_problems"], found["n_problems_available"]) == ("two_rounds", 1, 2)
    assert "strategy.first=many: must be a whole number" in error(
        "--config-dir", "conf", *options, "strategy.first=many"
    )
    reported = error("--config-dir", "conf", *options, "data.limit=1")
    assert "data.limit is not in the config yet; add it with a plus: +data.limit=..." in reported


def test_an_installed_package_announces_its_classes_by_entry_points(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = project / "plugged-1.0.dist-info"  # what pip writes
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(project))
    options = ["strategy=two_rounds", "data=sums", "prm=checker", "generator=adder", "difficulty=halves"]
    found = summary(*options, "strategy.first=2", "data.limit=2")
    assert (found["strategy"], found["generator"], found["n_problems"]) == ("two_rounds", "adder", 2)
    composed = CliRunner().invoke(app, ["run", "strategy=beam", "--cfg", "job"])  # ttc's own, despite the namesake
    assert "width: 4" in composed.output
    listed = CliRunner().invoke(app, ["run", "--help"])
    assert "two_rounds" in listed.stdout and "broken" not in listed.stdout
    assert "strategy=broken of the package plugged is not available: No module named 'absent'" in listed.stderr


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("strategy._target_=TwoRounds", "must be a dotted path to a class; use e.g. my_package.MyClass."),
        ("strategy._target_=no_such_package.X", "No module named 'no_such_package'; install the package"),
        ("strategy._target_=plugged.Absent", "the module plugged has no class Absent"),
        ("strategy._target_=plugged.Sums", "must be a subclass of ttc.strategies.base.Strategy"),
        ("data._target_=plugged.TwoRounds", "must be a subclass of ttc.data.base.Dataset"),
        ("strategy._target_=plugged.NotADataclass", "decorate it with @dataclass"),
    ],
)
def test_a_class_that_does_not_fit_is_one_line(project: Path, override: str, message: str) -> None:
    assert message in error(override)


def test_a_strategy_of_another_package_can_be_what_a_controller_chooses(project: Path) -> None:
    engines = [part for part in BY_PATH if not part.startswith("strategy")]
    found = summary(*engines, "strategy=threshold", "strategy.parallel._target_=plugged.TwoRounds", "budget=8")
    assert found["routes"] == {"parallel": 3}  # the probes' mean value is 0.3
    assert (found["strategy"], found["generations"], found["accuracy"]) == ("threshold", 24, 1.0)
    config = found["strategy_config"]
    assert isinstance(config, dict) and config["parallel"] == {"_target_": "plugged.TwoRounds", "first": 1}
    rows = [json.loads(row) for row in Path("out/problems.jsonl").read_text().splitlines()]
    assert [row["route"] for row in rows] == ["parallel"] * 3
    assert all(candidate["chain"] is not None for row in rows for candidate in row["candidates"])
