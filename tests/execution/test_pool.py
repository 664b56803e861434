"""Worker processes find the same candidates as one process, and a failing one harms no later job."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from scripted import ScriptedEngine

from ttc.config import RunConfig
from ttc.cost import Tokens
from ttc.data.datasets import PocketDataset
from ttc.difficulty.measured import OracleDifficulty
from ttc.engines.base import Draw, Generator, Verifier
from ttc.engines.late_loads import late_loads
from ttc.errors import RunError, UserError
from ttc.execution.pool import open_executor, shutdown_workers
from ttc.execution.runner import Outcome
from ttc.execution.worker import devices_of
from ttc.store.database import SqliteStore, Store
from ttc.strategies.base import Strategy
from ttc.strategies.beam import Beam
from ttc.strategies.parallel import BestOfN
from ttc.types import FinishReason, Problem, Reply, Request, Sample, Step

LATE_SECONDS = 0.5
PROBLEMS = [Problem(f"p{n}", f"{n}?", str(n)) for n in range(5)]


class LateEngine(ScriptedEngine):
    """Is loaded when it is first asked."""

    is_loaded = False

    def submit(self, ticket: int, request: Request, draw: Draw) -> None:
        if not self.is_loaded:
            self.is_loaded = True
            time.sleep(LATE_SECONDS)
            late_loads.add()
        super().submit(ticket, request, draw)


@dataclass
class Scripted(Generator, Verifier):
    """A config that a worker process can start an engine from; `fails` is how it fails, at problem 3, or is late."""

    model: str = "scripted"
    fails: str = ""

    @property
    def name(self) -> str:
        return self.model

    def start(self) -> ScriptedEngine:
        if self.fails == "start":
            raise UserError("generator.model=scripted does not exist; use another.")
        if self.fails == "files":
            raise OSError("weights.bin: no such file")
        return LateEngine(self.reply) if self.fails == "late" else ScriptedEngine(self.reply)

    def reply(self, request: Request, draw: Draw) -> Reply:
        if request.trace.problem.id == "p3" and self.fails == "death":
            os._exit(3)
        if request.trace.problem.id == "p3" and self.fails == "bug":
            raise ZeroDivisionError("unforeseen")
        if not isinstance(request, Sample):
            return 0.5
        text = f"{request.trace.problem.id}, draw {draw.index} of seed {draw.seed}"
        ends = request.max_steps is None or len(request.trace.steps) == 2
        finish = FinishReason.STOP if ends else FinishReason.STEP
        return request.trace.extended((Step(text, (1, 2, 3)),), finish)


def config(
    fails: str = "", workers: int = 2, store: SqliteStore | None = None, strategy: Strategy | None = None
) -> RunConfig:
    return RunConfig(
        strategy=strategy or BestOfN(),
        generator=Scripted(fails=fails),
        prm=Scripted("verifier"),
        data=PocketDataset(),
        difficulty=OracleDifficulty(),
        store=store,
        budget=3,
        workers=workers,
    )


def outcomes(settings: RunConfig) -> dict[str, Outcome]:
    with open_executor(settings, len(PROBLEMS)) as executor:
        return {outcome.problem.id: outcome for outcome in executor.solve(PROBLEMS)}


@pytest.fixture(scope="module", autouse=True)
def _no_worker_outlives_these_tests() -> Iterator[None]:
    yield
    shutdown_workers()


def test_workers_find_the_candidates_of_one_process_at_the_same_cost() -> None:
    reported: list[Tokens] = []
    with open_executor(config(), len(PROBLEMS)) as executor:
        executor.on_tokens = reported.append
        shared = {outcome.problem.id: outcome for outcome in executor.solve(PROBLEMS)}
        used = executor.ledger.tokens
        assert executor.decoding_tokens == 0
    assert shared == outcomes(config(workers=1))
    assert used == sum(reported, Tokens()) == sum((outcome.tokens for outcome in shared.values()), Tokens())
    assert used.decoded == 3 * 3 * len(PROBLEMS)
    assert sum(outcome.shortfalls.solutions for outcome in shared.values()) == 3 * len(PROBLEMS)


def test_workers_find_the_search_trees_of_one_process() -> None:
    shared, alone = (
        {id_: outcome.tree for id_, outcome in outcomes(config(workers=workers, strategy=Beam(width=3))).items()}
        for workers in (2, 1)
    )
    assert shared == alone
    assert all(tree is not None and tree.rounds == (1, 1, 1, 2, 2, 2, 3, 3, 3) for tree in shared.values())


def test_seconds_of_an_engine_that_is_loaded_when_it_is_first_asked_belong_to_loading() -> None:
    for workers in (1, 2):
        with open_executor(config(workers=workers, fails="late"), len(PROBLEMS)) as executor:
            assert executor.seconds["load"] == 0
            assert len(list(executor.solve(PROBLEMS))) == len(PROBLEMS)
            assert executor.seconds["load"] >= LATE_SECONDS
            assert executor.seconds["generate"] + executor.seconds["score"] < LATE_SECONDS


def test_workers_store_their_replies_in_the_runs_store(tmp_path: Path) -> None:
    file = tmp_path / "store.sqlite"
    first = outcomes(config(store=SqliteStore(str(file))))
    with Store(file) as store:
        kinds = [kind for _, _, kind, _, _ in store.rows()]
    assert kinds.count("sample") == 3 * len(PROBLEMS)
    # Replayed: an engine that failed at problem 3 is never asked.
    assert outcomes(config("bug", store=SqliteStore(str(file)))) == first


def test_a_user_error_in_a_worker_is_reported_and_the_next_job_gets_new_workers() -> None:
    with pytest.raises(UserError, match="does not exist; use another"):
        outcomes(config("start"))
    assert len(outcomes(config())) == len(PROBLEMS)


def test_a_worker_that_dies_ends_the_run_in_one_line() -> None:
    with pytest.raises(RunError, match=r"a worker process died \(exit code 3\); run the same command again"):
        outcomes(config("death"))
    assert len(outcomes(config())) == len(PROBLEMS)


def test_an_engine_that_fails_in_a_worker_is_reported_as_in_this_process() -> None:
    with pytest.raises(RunError, match=r"the engine that should generate died \(ZeroDivisionError: unforeseen"):
        outcomes(config("bug"))


def test_a_library_error_while_loading_weights_is_reported_with_its_traceback() -> None:
    with pytest.raises(RuntimeError, match=r"a worker failed:[\s\S]*OSError: weights.bin: no such file"):
        outcomes(config("files"))


def test_an_interrupted_run_leaves_no_busy_worker() -> None:
    with open_executor(config(), len(PROBLEMS)) as executor:
        found = executor.solve(PROBLEMS)
        next(found)
        found.close()  # type: ignore[attr-defined]
    assert len(outcomes(config())) == len(PROBLEMS)


def test_every_worker_gets_its_own_gpus() -> None:
    assert [devices_of(["4", "5", "6", "7"], number, 2, 2) for number in range(2)] == [["4", "5"], ["6", "7"]]
    assert devices_of(["0", "1", "2"], 2, 3, 1) == ["2"]
    with pytest.raises(UserError, match=r"workers=3: with tensor_parallel_size=2 they need 6 GPUs, and 4 are visible"):
        devices_of(["0", "1", "2", "3"], 0, 3, 2)


def test_a_run_needs_at_least_one_worker() -> None:
    with pytest.raises(UserError, match="workers=0: must be at least 1 process"):
        config(workers=0)
