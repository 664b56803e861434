"""From the files of `ttc import` to problems with completions and values, with all that can be wrong found first."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ttc.data.sampled.golds import GoldFile, read_golds
from ttc.data.sampled.layouts import Layout, read_sampled
from ttc.data.sampled.problems import grouped, same_number
from ttc.data.sampled.rows import Completion, SampledProblem
from ttc.data.sampled.scales import Scale, Scaling, scaling_of
from ttc.errors import RunError, UserError
from ttc.files import expanded, open_regular
from ttc.hashing import digest
from ttc.selection import Aggregation
from ttc.terminal import printable_line

UNKNOWN_MODEL = "unknown"


@dataclass(frozen=True)
class ImportSettings:
    """What `ttc import` is asked.

    Attributes:
        layout: of every file; None: that of its first row.
        scale: what the scores are.
        samples: how many completions of each problem to keep; None: all, which must be as many for each problem.
        gold_from: a file of problems whose gold answers are joined.
        name: of the data set; None: that of the first file.
        generator: the model that was sampled; None: what the files say.
        verifier: what scored the completions; for people, and to tell runs apart.
        tokenizer: a directory whose tokenizer counts the tokens that the files do not.
        aggregation: how the scores of steps become one.
        seed: tells apart runs of one generator on the same data.
    """

    layout: Layout | None = None
    scale: Scale = Scale.auto
    samples: int | None = None
    gold_from: Path | None = None
    name: str | None = None
    generator: str | None = None
    verifier: str = "scores"
    tokenizer: Path | None = None
    aggregation: Aggregation = Aggregation.last
    seed: int = 0

    def check(self) -> None:
        """Refuse what cannot work; raises UserError."""
        for option, name in (("--name", self.name), ("--generator", self.generator), ("--verifier", self.verifier)):
            if name is not None and not name.strip():
                raise UserError(f"{option} {name!r} is blank; give a name, or leave it out.")
        # isdir is False, too, for a name that is too long.
        if self.tokenizer is not None and not os.path.isdir(self.tokenizer):
            raise UserError(f"--tokenizer {self.tokenizer}: no such directory; give that of the model's tokenizer.")


@dataclass(frozen=True)
class PreparedImport:
    """What is imported.

    Attributes:
        problems: their completions hold scores as the files give them.
        scaling: how these become values.
        generator: the name of the model that was sampled.
        name: of the data set.
        origin: of summary.json: the files, and how they were read.
        digest: of the files and of all settings.
        notes: for the reader.
    """

    problems: Sequence[SampledProblem]
    scaling: Scaling
    settings: ImportSettings
    generator: str
    name: str
    origin: Mapping[str, object]
    digest: str
    notes: Sequence[str]

    @property
    def budget(self) -> int:
        """The number of completions of each problem."""
        return len(self.problems[0].completions)

    @property
    def is_scored(self) -> bool:
        """Whether the completions have scores."""
        return self.scaling.scale is not Scale.none


def prepare_import(paths: Sequence[Path], settings: ImportSettings) -> PreparedImport:
    """Read the files.

    Raises:
        UserError: the place, the value, the rule and the remedy.
    """
    settings.check()
    paths = [expanded(str(path)) for path in paths]
    files = [read_sampled(path, settings.layout, with_scores=settings.scale is not Scale.none) for path in paths]
    _refuse_twice(paths)
    rows = [row for file in files for row in file.rows]
    models = {row.model for row in rows if row.model is not None}
    if settings.gold_from is not None:
        rows = GoldFile.read(expanded(str(settings.gold_from))).joined(rows)
    problems, dropped = same_number(grouped(read_golds(rows)), settings.samples)
    scaling = scaling_of(problems, settings.scale)
    if settings.tokenizer is not None:
        problems = [*_counted(problems, _tokenizer(settings.tokenizer))]
    generator = settings.generator or _only(models)
    layouts = list(dict.fromkeys(str(file.layout) for file in files))
    origin = {"files": [printable_line(path.name) for path in paths], "layouts": layouts, "scores": str(scaling.scale)}
    return PreparedImport(
        problems,
        scaling,
        settings,
        generator,
        settings.name or printable_line(paths[0].stem, 200),
        origin,
        _identity([*paths, *([settings.gold_from] if settings.gold_from else [])], settings),
        [*_notes(paths, layouts, generator, scaling, dropped, settings), *_token_notes(problems, settings)],
    )


def _refuse_twice(paths: Sequence[Path]) -> None:
    seen: set[str] = set()
    for path in paths:
        if (real := os.path.realpath(path)) in seen:
            raise UserError(f"{path} is given twice; give each file once.")
        seen.add(real)


def _only(models: set[str]) -> str:
    if len(models) > 1:
        names = ", ".join(sorted(models))
        raise UserError(
            f"the rows are of several models ({printable_line(names, 200)}); give those of one, or name them as one by "
            "--generator NAME."
        )
    return next(iter(models), UNKNOWN_MODEL)


def _tokenizer(directory: Path) -> Callable[[str], int]:
    from ttc.engines.pretrained import load_tokenizer

    tokenizer = load_tokenizer("--tokenizer", directory, None, False, "PreTrainedTokenizerFast")
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


def _counted(problems: Sequence[SampledProblem], count: Callable[[str], int]) -> Iterator[SampledProblem]:
    def counted(completion: Completion) -> Completion:
        return completion if completion.tokens is not None else replace(completion, tokens=count(completion.text))

    for problem in problems:
        yield replace(problem, completions=tuple(map(counted, problem.completions)))


def _identity(paths: Sequence[Path], settings: ImportSettings) -> str:
    contents = []
    for path in paths:
        try:
            with open_regular(path) as stream:
                contents.append(hashlib.file_digest(stream, "sha256").hexdigest())
        except OSError as error:  # it was read a moment ago
            raise RunError(f"{path} cannot be read ({error.strerror or error}); check the file.") from None
    return digest("import", contents, replace(settings, gold_from=None)).hex()


def _notes(
    paths: Sequence[Path],
    layouts: Sequence[str],
    generator: str,
    scaling: Scaling,
    dropped: int,
    settings: ImportSettings,
) -> Iterator[str]:
    names = ", ".join(path.name for path in paths)
    yield f"imported from {printable_line(names, 300)} (layout {', '.join(layouts)}), as independent samples"
    if dropped:
        left = "1 problem with fewer completions was" if dropped == 1 else f"{dropped:,} problems with fewer were"
        yield f"{left} left out by --samples {settings.samples}"
    if generator == UNKNOWN_MODEL and settings.generator is None:
        yield "the rows do not say which model was sampled; --generator NAME does"
    if scaling.note:
        yield scaling.note


def _token_notes(problems: Sequence[SampledProblem], settings: ImportSettings) -> Iterator[str]:
    if settings.tokenizer is not None:
        yield f"tokens that the rows do not count are counted by the tokenizer in {settings.tokenizer.name}"
    elif any(completion.tokens is None for problem in problems for completion in problem.completions):
        yield "the rows do not count their tokens; --tokenizer DIR does"
