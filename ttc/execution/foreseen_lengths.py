"""How long prompts and solutions will be: by the tokenizers where they are here, and by earlier runs in the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ttc.config import RunConfig
from ttc.data.base import subset
from ttc.engines.base import SPEED_SETTINGS, EngineConfig, Generator
from ttc.engines.endings import Endings
from ttc.engines.ensemble import Ensemble
from ttc.engines.environment import prepare
from ttc.engines.formats import FORMATS, StepFormat
from ttc.engines.prompts import PromptSettings, PromptWriter
from ttc.engines.reading import ReadingSettings
from ttc.engines.sampling import SamplingSettings
from ttc.engines.server.settings import ServerSettings
from ttc.engines.vllm_setup import CPU_BLOCK_SIZE, VllmSettings
from ttc.execution.summary import stored_settings
from ttc.files import expanded
from ttc.types import Problem, Step, Trace

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

READ_PROBLEMS = 256  # whose prompts are counted, in every level's share
CHARACTERS_PER_TOKEN = 4
BLOCK_SIZE = 16  # of vLLM on a GPU, unless it is set
STORED_ROWS = 1_000  # problems of earlier runs, whose tokens are averaged
SEARCHED_ROWS = 20_000
PART_SETTINGS = frozenset({"limit", "seed", "start", "shard"})  # of data: which part of the problems is taken
ROOM = 2**31  # tokens: no attempt is left out for want of it


@dataclass(frozen=True)
class Solutions:
    """How long solutions will be.

    Attributes:
        tokens: decoded per generation; None: nothing tells.
        source: where the number comes from.
        at_most: whether it is an upper bound.
    """

    tokens: int | None
    source: str
    at_most: bool = False


@dataclass(frozen=True)
class Prompts:
    """How long a model's prompts are, before a solution.

    Attributes:
        tokens: on average over the problems.
        closing: read again after each solution that is scored.
        is_counted: by the model's own tokenizer; otherwise there are `CHARACTERS_PER_TOKEN` to a token.
        caches: whether what has been read before is served from a prefix cache.
        sees_attempts: whether a verifier reads earlier attempts.
        block: tokens of which a prefix cache serves whole blocks.
    """

    tokens: int
    closing: int = 0
    is_counted: bool = False
    caches: bool = True
    sees_attempts: bool = False
    block: int = 1


def solutions_of(config: RunConfig, given: int | None) -> Solutions:
    """Return the length of solutions: as given, as in earlier runs of the same generator, or what bounds it."""
    if given is not None:
        return Solutions(given, "--tokens-per-generation")
    if stored := _stored_mean(config):
        return stored
    if isinstance(config.generator, SamplingSettings):
        tokens = config.generator.max_tokens
        return Solutions(tokens, f"generator.max_tokens={tokens}; --tokens-per-generation N says better", at_most=True)
    return Solutions(None, "--tokens-per-generation N says how many")


def generator_prompts(generator: Generator, problems: Sequence[Problem]) -> Prompts:
    """Return how long the generator's prompts are."""
    read, block = subset(problems, READ_PROBLEMS, 0), _block(generator)
    if isinstance(generator, PromptSettings):
        settings: PromptSettings = generator
        tokenizer = _tokenizer(generator)
        if tokenizer is not None:
            writer = PromptWriter(settings, tokenizer, Endings())
            counted = _mean(read, lambda problem: len(writer.prompt(Trace(problem), 1, ROOM).token_ids))
            if counted is not None:
                return Prompts(counted, is_counted=True, block=block)
        return Prompts(_by_characters(read, lambda problem: _written(settings, problem)), block=block)
    return Prompts(_by_characters(read, lambda problem: problem.question), block=block)


def verifier_prompts(verifier: EngineConfig, problems: Sequence[Problem]) -> Prompts:
    """Return how long the verifier's prompts are; of an ensemble, those of the member with the longest."""
    if isinstance(verifier, Ensemble):
        members = [verifier_prompts(member, problems) for member in verifier.members.values()]
        return Prompts(
            tokens=max(member.tokens for member in members),
            closing=max(member.closing for member in members),
            is_counted=all(member.is_counted for member in members),
            caches=all(member.caches for member in members),
            sees_attempts=any(member.sees_attempts for member in members),
            block=max(member.block for member in members),
        )
    read = subset(problems, READ_PROBLEMS, 0)
    if not isinstance(verifier, ReadingSettings):
        return Prompts(_by_characters(read, lambda problem: problem.question))
    kind, caches = FORMATS[verifier.format], verifier.pooling == "last"
    sees_attempts, block = kind.history is not StepFormat.history, _block(verifier)
    tokenizer = _tokenizer(verifier)
    if tokenizer is not None:
        step_format = verifier.step_format(tokenizer)
        tokens = _mean(read, lambda problem: len(step_format.before(Trace(problem))))
        closing = _mean(read[:1], lambda problem: len(step_format.closing(Trace(problem, (Step("1\n", ()),)))))
        if tokens is not None and closing is not None:
            return Prompts(tokens, closing, True, caches, sees_attempts, block)
    closing = len(verifier.question) // CHARACTERS_PER_TOKEN if kind.asks else 0
    characters = _by_characters(read, lambda problem: problem.question)
    return Prompts(characters, closing, False, caches, sees_attempts, block)


def _block(config: EngineConfig) -> int:
    """Return the block of an engine's prefix cache; 1 where that is unknown."""
    if isinstance(config, VllmSettings):
        given = config.engine_args.get("block_size")
        return given if isinstance(given, int) and given > 0 else CPU_BLOCK_SIZE if prepare() else BLOCK_SIZE
    return BLOCK_SIZE if isinstance(config, ServerSettings) else 1


def _tokenizer(config: EngineConfig) -> PreTrainedTokenizerBase | None:
    """Return a model's tokenizer where it is on this machine; nothing is downloaded."""
    if isinstance(config, VllmSettings):
        return config.tokenizer()
    if isinstance(config, ServerSettings) and config.directory is not None:
        return config.load_tokenizer()
    return None


def _mean(problems: Sequence[Problem], count: Callable[[Problem], int]) -> int | None:
    """Return the mean, rounded up; None where a chat template fails, which is a program and can raise anything."""
    try:
        return -(-sum(map(count, problems)) // len(problems))
    except Exception:
        return None


def _by_characters(problems: Sequence[Problem], text: Callable[[Problem], str]) -> int:
    characters = sum(len(text(problem)) for problem in problems)
    return max(-(-characters // (CHARACTERS_PER_TOKEN * len(problems))), 1)


def _written(settings: PromptSettings, problem: Problem) -> str:
    if not settings.chat:
        return settings.text(problem.question)
    return "".join(message["content"] for message in settings.messages(settings.turns(problem.question)))


def _stored_mean(config: RunConfig) -> Solutions | None:
    """Return the mean over earlier runs of the same generator, on the same data if there are such; None: no runs."""
    if config.store is None or not expanded(config.store.path).is_file():
        return None
    ours = _plain(stored_settings(config, 0))
    found: dict[bool, _Sums] = {True: _Sums(), False: _Sums()}  # by whether the data are the same
    runs: dict[str, bool | None] = {}  # the same, by the settings of a run; None: another generator
    with config.store.open() as store:
        for run, body, _ in islice(store.results(), SEARCHED_ROWS):
            if run not in runs:
                runs[run] = _same_data(ours, run)
            same = runs[run]
            if same is not None and found[same].rows < STORED_ROWS:
                found[same].add(body)
    for same, sums in found.items():
        if sums.decoded:
            what = "these data" if same else "other data"
            source = f"the mean of {sums.generations:,} earlier ones of this generator on {what}, in the store"
            return Solutions(max(round(sums.decoded / sums.generations), 1), source)
    return None


@dataclass
class _Sums:
    rows: int = 0
    decoded: int = 0
    generations: int = 0

    def add(self, body: str) -> None:
        """Count a problem's tokens; a damaged row, or one that says nothing, does not count."""
        try:
            row = json.loads(body)
            decoded, generations = row["tokens"]["decoded"], row["generations"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if type(decoded) is int and type(generations) is int and decoded > 0 and generations > 0:
            self.rows += 1
            self.decoded += decoded
            self.generations += generations


def _same_data(ours: Mapping[str, object], run: str) -> bool | None:
    """Whether a run had our data; None where it had another generator."""
    try:
        theirs: dict[str, object] = json.loads(run)
        if _without(theirs["generator"], SPEED_SETTINGS) != _without(ours["generator"], SPEED_SETTINGS):
            return None
        return _without(theirs["data"], PART_SETTINGS) == _without(ours["data"], PART_SETTINGS)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _without(settings: object, names: Set[str]) -> dict[str, object]:
    if not isinstance(settings, dict):
        raise TypeError("not the settings of a part")
    return {name: value for name, value in settings.items() if name not in names}


def _plain(settings: Mapping[str, object]) -> dict[str, object]:
    """Return settings as they are read from a store."""
    plain: dict[str, object] = json.loads(json.dumps(settings, sort_keys=True, default=str))
    return plain
