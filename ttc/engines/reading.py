"""How a verifier reads a solution: the settings that say so, whoever runs the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from ttc.engines.formats import FORMATS, QUESTION, FormatOptions, StepFormat
from ttc.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TASKS = {"last": "classify", "token": "token_classify"}  # pooling -> vLLM's name for it
SPACES = " ▁Ġ"  # as vocabularies spell the space before a word


@dataclass
class ReadingSettings:
    """How a problem and its steps become token ids, and which number of the reply is the value.

    `format` is one of `ttc.engines.formats.FORMATS`. A causal LM that answers with one of two tokens names them in
    `label_tokens` (the good one first, each as the vocabulary spells it): the value is the softmax over the two. Heads
    are read at the last position (`pooling=last`); `pooling=token` reads every token, which cannot use the prefix
    cache. `positive_class` is the class that means "correct". `step_separator` is what TRL's trainer put after each
    step (`format=trl`), `question` what a judge is asked about the solution before it (`format=judge`).
    """

    format: str = "plain"
    label_tokens: list[str] = field(default_factory=list)
    pooling: str = "last"
    positive_class: int = 0
    step_separator: str = "\n"
    question: str = QUESTION

    def check_reading(self) -> None:
        """Refuse a format or pooling that does not exist, and options that the format cannot be read with.

        Raises:
            UserError: with the value, the rule and the remedy.
        """
        if self.format not in FORMATS:
            near = get_close_matches(self.format, FORMATS, 1, 0)
            raise UserError(f"prm.format={self.format} is not known; use {near[0]} (of {', '.join(FORMATS)}).")
        if self.pooling not in TASKS:
            raise UserError(f"prm.pooling={self.pooling} is not known; use last, or token for heads that need it.")
        if self.label_tokens and len(self.label_tokens) != 2:
            raise UserError(f"prm.label_tokens={self.label_tokens} is not a pair; name the good and the bad token.")
        self._check_options()

    def _check_options(self) -> None:
        step_format = FORMATS[self.format]
        if step_format.asks and not self.label_tokens:
            raise UserError(
                f"prm.label_tokens=[]: a verifier of the format {self.format} answers with one of two tokens; name "
                'them, e.g. prm.label_tokens=["Yes","No"].'
            )
        for label in self.label_tokens if step_format.asks else ():
            if label.strip(SPACES) not in self.question:
                raise UserError(
                    f"prm.question does not name the answer {label!r} of prm.label_tokens; ask for one of the two."
                )
        if step_format.classes is not None and self.positive_class != step_format.correct_class:
            raise UserError(
                f"prm.positive_class={self.positive_class}: in the format {self.format}, class "
                f"{step_format.correct_class} means correct; use prm.positive_class={step_format.correct_class}."
            )
        if not self.step_separator:
            raise UserError('prm.step_separator="" separates no steps; use the one of the training, e.g. "\\n".')
        if not self.question.strip():
            raise UserError("prm.question is blank; ask for one of prm.label_tokens, or leave it out for the default.")

    def step_format(self, tokenizer: PreTrainedTokenizerBase) -> StepFormat:
        """Return the format that turns traces into this tokenizer's ids."""
        return FORMATS[self.format](tokenizer, FormatOptions(self.step_separator, self.question))

    def reading_identity(self) -> tuple[object, ...]:
        """Return what the store's keys say about the reading, beside the ids.

        Options at their defaults are left out, so that adding one here keeps the keys of existing stores.
        """
        options = {"step_separator": self.step_separator, "question": self.question}
        defaults = {"step_separator": "\n", "question": QUESTION}
        changed = [(name, value) for name, value in options.items() if value != defaults[name]]
        return (self.format, self.label_tokens, self.positive_class, *changed)
