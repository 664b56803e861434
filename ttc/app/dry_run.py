"""`ttc run --dry-run`: what the jobs will take, in a table; nothing is loaded, sampled or written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console
from rich.filesize import decimal

from ttc.analysis.display import problems_of
from ttc.config import RunConfig
from ttc.engines.memory import ModelMemory
from ttc.execution.forecast import Forecast, Forecaster
from ttc.execution.foreseen_costs import STEPS, ForeseenCost
from ttc.execution.foreseen_lengths import CHARACTERS_PER_TOKEN
from ttc.runs.directory import by_key
from ttc.terminal import WIDE, PlainTable, plain_table, print_plain, printable_line

UNKNOWN = "unknown"
N = TypeVar("N", int, float)


@dataclass(frozen=True)
class DryJob:
    """A job that is not run: its config, and the overrides that name it."""

    config: RunConfig
    overrides: tuple[str, ...] = ()


def show_dry_run(
    jobs: Sequence[DryJob],
    tokens_per_generation: int | None = None,
    tokens_per_second: float | None = None,
    console: Console | None = None,
) -> None:
    """Forecast every job and print what it will take; all are checked before anything is printed.

    Args:
        jobs: in the order of the sweep; at least one.
        tokens_per_generation: decoded, on average; None: estimated.
        tokens_per_second: decoded, of all sequences together; None: no hours are shown.
        console: to print on.

    Raises:
        UserError: for whatever is wrong with a config or its data.
    """
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    forecaster = Forecaster(tokens_per_generation)
    forecasts = [forecaster.forecast(job.config) for job in jobs]
    titles = list(dict.fromkeys(map(_title, forecasts)))
    what = titles[0] if len(titles) == 1 else f"{len(jobs)} jobs"
    print_plain(console, printable_line(f"dry run: {what}"), style="bold")
    console.print()
    console.print(_costs(_names(jobs), forecasts, tokens_per_second))
    if models := _models(forecasts):
        console.print()
        console.print(models)
    console.print()
    lines = [line for forecast in forecasts for line in _lines(forecast, with_problems=len(titles) > 1)]
    for line in (*dict.fromkeys(lines), *_about(forecasts, tokens_per_second)):
        print_plain(console, printable_line(line), style="dim")


def _title(forecast: Forecast) -> str:
    """Return e.g. "beam, budget 64, pocket (100 of 500 problems: data.limit=100)"."""
    return f"{forecast.strategy}, {forecast.spent}, {forecast.data} ({_problems(forecast)})"


def _problems(forecast: Forecast) -> str:
    chosen = forecast.chosen
    return problems_of(chosen.entries(), len(chosen.problems), chosen.available)


def _names(jobs: Sequence[DryJob]) -> list[str]:
    """Return what tells the jobs apart: the overrides that not all of them have."""
    given = [by_key(job.overrides) for job in jobs]
    differing = [key for key in dict.fromkeys(key for one in given for key in one) if _differs(key, given)]
    return [" ".join(f"{key}={one[key]}" for key in differing if key in one) for one in given]


def _differs(key: str, given: Sequence[Mapping[str, str]]) -> bool:
    return len({one.get(key) for one in given}) > 1


def _costs(names: Sequence[str], forecasts: Sequence[Forecast], tokens_per_second: float | None) -> PlainTable:
    """Return the table of costs: a row per job and, of a sweep, their sum."""
    columns = ("generations", "decoded", "prompt", "verifier", "paper FLOPs", "full FLOPs")
    hours = () if tokens_per_second is None else ("hours",)
    rows = [_Row.of(forecast, tokens_per_second) for forecast in forecasts]
    if len(rows) == 1:
        table = plain_table(right=(*columns, *hours))
        table.add_row(*rows[0].cells(with_hours=bool(hours)))
        return table
    table = plain_table("job", right=("problems", *columns, *hours))
    for name, forecast, row in zip(names, forecasts, rows, strict=True):
        table.add_row(name or "-", f"{len(forecast.chosen.problems):,}", *row.cells(with_hours=bool(hours)))
    table.add_row("all", "", *_Row.sum_of(rows).cells(with_hours=bool(hours)))
    return table


@dataclass(frozen=True)
class _Row:
    """What a job takes, or all jobs together; None: unknown."""

    generations: int | None
    cost: ForeseenCost | None
    hours: float | None
    most_generations: bool  # an upper bound, as are the costs then
    most_cost: bool

    @classmethod
    def of(cls, forecast: Forecast, tokens_per_second: float | None) -> _Row:
        hours = None if tokens_per_second is None else forecast.decoding_hours(tokens_per_second)
        most = forecast.may_spend_less
        return cls(forecast.generations, forecast.cost, hours, most, most or forecast.solutions.at_most)

    @classmethod
    def sum_of(cls, rows: Sequence[_Row]) -> _Row:
        costs = [row.cost for row in rows if row.cost is not None]
        return cls(
            _sum([row.generations for row in rows]),
            sum(costs[1:], costs[0]) if costs and len(costs) == len(rows) else None,
            _sum([row.hours for row in rows]),
            any(row.most_generations for row in rows),
            any(row.most_cost for row in rows),
        )

    def cells(self, *, with_hours: bool) -> list[str]:
        cost = self.cost
        counts: list[int | None] = [None] * 5
        if cost is not None:
            counts = [cost.tokens.decoded, cost.tokens.prompt, cost.tokens.prm, cost.flops.paper, cost.flops.full]
        shown = [
            _bounded(None if count is None else f"{count:.2e}" if count else "0", self.most_cost and count != 0)
            for count in counts
        ]
        generations = None if self.generations is None else f"{self.generations:,}"
        hours = [_bounded(None if self.hours is None else f"{self.hours:.3g}", self.most_cost)] if with_hours else []
        return [_bounded(generations, self.most_generations), *shown, *hours]


def _models(forecasts: Sequence[Forecast]) -> PlainTable | None:
    """Return the table of the checkpoints that the jobs load; None where they load none."""
    generations: dict[ModelMemory, int | None] = {}
    for forecast in forecasts:
        for memory in forecast.memory:
            counts = (forecast.generations, generations.get(memory, 0))
            generations[memory] = max(count for count in counts if count is not None) if None not in counts else None
    table = plain_table("model", "dtype", right=("parameters", "weights", "KV a token", "sequences", "their KV"))
    for memory, most in generations.items():
        sequences = _bounded(None if memory.sequences is None else f"{memory.open_sequences(most):,}")
        context = _bounded(None if memory.context_tokens is None else f"{memory.context_tokens:,}")
        table.add_row(
            f"{memory.part} {memory.name}",
            memory.dtype or UNKNOWN,
            _bounded(None if memory.parameters is None else f"{memory.parameters:.2e}"),
            _size(memory.weight_bytes),
            _size(memory.cache_bytes),
            f"{sequences} x {context}",
            _size(memory.full_cache_bytes(most)),
        )
    return table if generations else None


def _lines(forecast: Forecast, *, with_problems: bool) -> list[str]:
    """Return what a forecast rests on."""
    solutions, prompts = forecast.solutions, forecast.prompts
    length = UNKNOWN if solutions.tokens is None else f"{solutions.tokens:,} tokens"
    how = "by its tokenizer" if prompts.is_counted else f"at {CHARACTERS_PER_TOKEN} characters to a token"
    sizes = [
        f"{name}: its shape is unknown (not downloaded, or run elsewhere), and so are its FLOPs and memory"
        for name in forecast.unsized
    ]
    return [
        *([f"problems of {forecast.data}: {_problems(forecast)}"] if with_problems else []),
        f"a generation: {'at most ' if solutions.at_most else ''}{length} ({solutions.source})",
        f"a prompt: {prompts.tokens:,} tokens on average, {how}",
        *sizes,
        *(f"{memory.part} {memory.name}: vLLM sets aside {memory.reserved} for KV" for memory in forecast.memory),
        *forecast.notes,
    ]


def _about(forecasts: Sequence[Forecast], tokens_per_second: float | None) -> list[str]:
    """Return what is true of all numbers."""
    shared = any(forecast.new_share < 1 for forecast in forecasts)
    models = [memory for forecast in forecasts for memory in forecast.memory]
    here = ", as this machine, without a GPU, would hold it" if any(model.on_cpu for model in models) else ""
    memory = f"KV: keys and values, of all sequences at their longest; where less is set aside, fewer run at once{here}"
    hours = "hours are of decoding alone; what the store already holds takes none"
    if tokens_per_second is None:
        hours = "hours: add --tokens-per-second N, the tokens that all sequences together decode in a second"
    return [
        *([memory] if models else []),
        f"prompt and verifier tokens are computed ones: {STEPS} steps a solution, none alike, caches forget nothing",
        hours,
        *(["what jobs share through the store is charged to each of them, and takes time once"] if shared else []),
        "nothing was loaded, sampled or written",
    ]


def _bounded(text: str | None, at_most: bool = False) -> str:
    return UNKNOWN if text is None else f"≤ {text}" if at_most else text


def _size(count: int | None) -> str:
    return UNKNOWN if count is None else decimal(count)


def _sum(counts: Sequence[N | None]) -> N | None:
    known = [count for count in counts if count is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(counts) else None
