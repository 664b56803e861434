"""The search algorithms of Hugging Face's search-and-learn, restated over vLLM's `LLM.generate`.

Their order of work is kept (https://github.com/huggingface/search-and-learn, src/sal/search):

- Prompts are texts. `generate` is called once per iteration, for every beam of a batch of problems, and returns when
  the slowest is done.
- After every iteration the verifier reads the whole text of every new beam.
- Beam search handles one problem at a time, DVTS and best-of-N 25.
- A finished beam of beam search frees its slot: the best N/M open ones are repeated until there are N again. The search
  ends when all N finish in the same iteration; the first N that finished are its candidates.
- A tree of DVTS ends when its best child is finished or holds an answer; its last M children are its candidates.

Only the token limit differs: as in ttc it bounds a whole solution, not each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from common import Solution, load_llm, prompt_text

from ttc.engines.generator import VllmGenerator
from ttc.engines.verifier import VllmVerifier
from ttc.types import Problem

if TYPE_CHECKING:
    from vllm import LLM, SamplingParams

PROBLEMS_AT_ONCE = {"beam": 1, "dvts": 25, "best_of_n": 25}  # search_batch_size


class WholeTextVerifier(Protocol):
    """A verifier that reads every text from its beginning."""

    def values(self, texts: list[str]) -> list[float]:
        """Return the value at the end of each text."""

    def forget(self) -> None:
        """Empty the prefix cache, if there is one."""


class VllmTexts:
    """The verifier in vLLM's `LLM.classify`, whose prefix cache serves what it has read before."""

    def __init__(self, verifier: VllmVerifier) -> None:
        self._class = verifier.positive_class
        self._llm = load_llm(verifier, runner="pooling", convert="classify")

    def values(self, texts: list[str]) -> list[float]:
        outputs = self._llm.classify(texts, use_tqdm=False)
        return [float(output.outputs.probs[self._class]) for output in outputs]

    def forget(self) -> None:
        self._llm.reset_prefix_cache()


class TransformersTexts:
    """The verifier in transformers, as search-and-learn runs it: padded batches in the order of the beams, no cache."""

    def __init__(self, verifier: VllmVerifier, batch_size: int) -> None:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        self._class, self._batch_size = verifier.positive_class, batch_size
        self._tokenizer = AutoTokenizer.from_pretrained(verifier.source, padding_side="right")
        model = AutoModelForSequenceClassification.from_pretrained(verifier.source, dtype=dtype)
        self._model = model.to(device).eval()
        self._model.config.use_cache = False

    def values(self, texts: list[str]) -> list[float]:
        import torch

        values: list[float] = []
        for start in range(0, len(texts), self._batch_size):
            batch = self._tokenizer(texts[start : start + self._batch_size], padding=True, return_tensors="pt")
            with torch.inference_mode():
                logits = self._model(**batch.to(self._model.device)).logits  # (B, classes)
            values += (logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1))[:, self._class].tolist()
        return values

    def forget(self) -> None:
        pass


@dataclass(frozen=True)
class Beam:
    """A solution so far, and a greedy look ahead at what may follow it."""

    problem: Problem
    text: str = ""
    tokens: int = 0
    finished: bool = False
    lookahead: str = ""
    value: float = 0.0


@dataclass
class PeerSearch:
    """Searches the solutions of problems with one generator and one verifier.

    Attributes:
        lookahead: greedy steps sampled behind each step. DVTS scores them too; beam search samples them in vain.
        filter_duplicates: whether beam search keeps only one of the beams with the same text.
        new_tokens: tokens sampled so far.
    """

    llm: LLM
    generator: VllmGenerator
    verifier: WholeTextVerifier
    budget: int
    width: int = 4
    iterations: int = 40
    lookahead: int = 0
    filter_duplicates: bool = False
    new_tokens: int = 0

    def forget(self) -> None:
        """Empty the prefix caches."""
        self.llm.reset_prefix_cache()
        self.verifier.forget()

    def solve(self, strategy: str, problems: Sequence[Problem]) -> list[list[Solution]]:
        """Return the candidates of each problem."""
        search = {"beam": self._beam, "dvts": self._dvts, "best_of_n": self._best_of_n}[strategy]
        size = PROBLEMS_AT_ONCE[strategy]
        candidates: list[Beam] = []
        for start in range(0, len(problems), size):
            candidates += search(problems[start : start + size])
        per_problem = [candidates[start : start + self.budget] for start in range(0, len(candidates), self.budget)]
        return [[(beam.text, beam.value) for beam in beams] for beams in per_problem]

    def _best_of_n(self, problems: Sequence[Problem]) -> list[Beam]:
        roots = [Beam(problem) for problem in problems for _ in range(self.budget)]
        return self._scored(self._sample(roots, self._params(by_step=False)))

    def _beam(self, problems: Sequence[Problem]) -> list[Beam]:
        [problem] = problems
        size = self.budget
        beams, finished = [Beam(problem)], []
        for iteration in range(self.iterations):
            beams = _repeated(beams, size)
            children = self._scored(self._next_steps(beams, iteration), lookahead=False)
            finished += [child for child in children if child.finished]
            beams = [child for child in children if not child.finished]
            if not beams:
                break
            if self.filter_duplicates:
                beams = list({beam.text: beam for beam in beams}.values())
            beams = sorted(beams, key=lambda beam: beam.value)[-(size // self.width) :]
        return _repeated(finished, size)

    def _dvts(self, problems: Sequence[Problem]) -> list[Beam]:
        trees = [[Beam(problem)] for problem in problems for _ in range(self.budget // self.width)]  # newest beams
        is_open = dict.fromkeys(range(len(trees)), True)
        for iteration in range(self.iterations):
            growing = [number for number in is_open if is_open[number]]
            if not growing:
                break
            parents = [_best(trees[number]) for number in growing for _ in range(self.width)]
            children = self._scored(self._next_steps(parents, iteration))
            for place, number in enumerate(growing):
                trees[number] = children[place * self.width : (place + 1) * self.width]
                best = _best(trees[number])
                is_open[number] = not (best.finished or "boxed{" in best.text)
        return [beam for tree in trees for beam in tree]

    def _next_steps(self, beams: Sequence[Beam], iteration: int) -> list[Beam]:
        """Continue each beam by a step, and look ahead; in the last iteration, continue each to its end."""
        last = iteration == self.iterations - 1
        children = self._sample(beams, self._params(by_step=not last))
        ahead = list(children)
        for _ in range(0 if last else self.lookahead):
            running = [number for number, beam in enumerate(ahead) if not beam.finished]
            if not running:
                break
            greedy = self._params(by_step=True, temperature=0.0)
            for number, beam in zip(running, self._sample([ahead[n] for n in running], greedy), strict=True):
                ahead[number] = beam
        return [
            replace(child, lookahead=beam.text[len(child.text) :]) for child, beam in zip(children, ahead, strict=True)
        ]

    def _params(self, by_step: bool, temperature: float | None = None) -> SamplingParams:
        from vllm import SamplingParams

        return SamplingParams(
            temperature=self.generator.temperature if temperature is None else temperature,
            top_p=self.generator.top_p,
            top_k=self.generator.top_k,
            max_tokens=self.generator.max_tokens,
            stop=[self.generator.step_separator] if by_step else None,
            include_stop_str_in_output=True,
        )

    def _sample(self, beams: Sequence[Beam], params: SamplingParams) -> list[Beam]:
        """Continue each beam once."""
        prompts = [prompt_text(self.generator, self.llm, beam.problem.question) + beam.text for beam in beams]
        children = []
        for beam, output in zip(beams, self.llm.generate(prompts, params, use_tqdm=False), strict=True):
            completion = output.outputs[0]
            length = beam.tokens + len(completion.token_ids)
            self.new_tokens += len(completion.token_ids)
            ended = completion.stop_reason is None or not completion.text or length >= self.generator.max_tokens
            children.append(Beam(beam.problem, beam.text + completion.text, length, ended))
        return children

    def _scored(self, beams: list[Beam], lookahead: bool = True) -> list[Beam]:
        """Set the value of each beam; the verifier reads it in the format `plain`."""
        texts = [(beam.text + beam.lookahead if lookahead else beam.text).strip("\n") for beam in beams]
        values = self.verifier.values(
            [f"{beam.problem.question}\n{text}\n" for beam, text in zip(beams, texts, strict=True)]
        )
        return [replace(beam, value=value) for beam, value in zip(beams, values, strict=True)]


def _best(beams: Sequence[Beam]) -> Beam:
    return max(beams, key=lambda beam: beam.value)


def _repeated(beams: list[Beam], size: int) -> list[Beam]:
    """Return the first `size` beams, the whole list repeated where there are fewer."""
    return (beams * (size // len(beams) + 1))[:size]
