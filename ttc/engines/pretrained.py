"""A checkpoint's config and tokenizer as transformers reads them, with its exceptions on one line."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ttc.engines.inspection import Checkpoint
from ttc.engines.loading import captured_output
from ttc.engines.reasons import reason_of
from ttc.engines.structure import check_structure
from ttc.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase


@lru_cache(maxsize=64)
def check_readable(checkpoint: Checkpoint, trust_remote_code: bool) -> None:
    """Refuse a config that neither transformers nor vLLM understands, and weights or a tokenizer of another model.

    Raises:
        UserError: with the reason that the library gives.
    """
    if (config := _read_config(checkpoint, trust_remote_code)) is not None:
        check_structure(checkpoint, config)
    tokenizer = load_tokenizer(checkpoint.key, checkpoint.directory, None, trust_remote_code)
    rows = checkpoint.size("vocab_size")
    if rows is not None and tokenizer.vocab_size > rows:
        # Tokens that were added later are not counted: many finetunes add a padding token that is never read.
        checkpoint.refuse(
            f"its tokenizer has {tokenizer.vocab_size} tokens and its embedding {rows} rows: the tokenizer belongs to "
            "another model; copy the tokenizer's files of this one."
        )


def _read_config(checkpoint: Checkpoint, trust_remote_code: bool) -> PreTrainedConfig | None:
    """Return the config; None where vLLM alone knows its type of model."""
    with _silent_transformers():
        from transformers import CONFIG_MAPPING, AutoConfig

        try:
            config: PreTrainedConfig = AutoConfig.from_pretrained(
                checkpoint.directory, trust_remote_code=trust_remote_code
            )
            return config
        except Exception as error:
            reason = reason_of(error)
        if checkpoint.config["model_type"] not in CONFIG_MAPPING and _is_known_to_vllm(checkpoint, trust_remote_code):
            return None
    file = checkpoint.directory / "config.json"
    if "auto_map" in checkpoint.config and not trust_remote_code:
        raise _needs_trust(f"{checkpoint.key}: {file} names code of its own (auto_map)")
    checkpoint.refuse(f"{file} cannot be read ({reason}); use the config.json that was saved with the weights.")


def _is_known_to_vllm(checkpoint: Checkpoint, trust_remote_code: bool) -> bool:
    logging.disable(logging.CRITICAL)  # what it tries is of no interest
    try:
        with captured_output():
            from vllm.transformers_utils.config import get_config

            get_config(checkpoint.directory, trust_remote_code)
    except Exception:
        return False
    finally:
        logging.disable(logging.NOTSET)
    return True


def load_tokenizer(
    key: str, source: str | Path, revision: str | None, trust_remote_code: bool, kind: str | None = None
) -> PreTrainedTokenizerBase:
    """Return a checkpoint's tokenizer, read once per process.

    Args:
        key: what the user set, for messages.
        source: a directory or a hub id.
        revision: of a hub id.
        trust_remote_code: whether to run code that comes with the checkpoint.
        kind: the class of transformers that reads it, if that is known: then torch is not imported.

    Raises:
        UserError: there is none, or it is broken.
    """
    changed_at = max(path.stat().st_mtime_ns for path in Path(source).iterdir()) if Path(source).is_dir() else 0
    with _silent_transformers():
        try:
            tokenizer: PreTrainedTokenizerBase = _load_tokenizer(
                str(source), revision, trust_remote_code, changed_at, kind
            )
        except Exception as error:
            if "trust_remote_code" in str(error) and not trust_remote_code:
                raise _needs_trust(f"{key}: its tokenizer is code of its own") from None
            raise UserError(
                f"{key}: {source} has no tokenizer that transformers can read ({reason_of(error)}); copy "
                "tokenizer.json and tokenizer_config.json of the model."
            ) from None
    return tokenizer


@lru_cache(maxsize=16)
def _load_tokenizer(
    source: str, revision: str | None, trust_remote_code: bool, changed_at: int, kind: str | None
) -> Any:
    """Load a tokenizer; `changed_at` differs when its files do."""
    import transformers

    reader = getattr(transformers, kind or "AutoTokenizer")
    return reader.from_pretrained(source, revision=revision, trust_remote_code=trust_remote_code)


def _needs_trust(what: str) -> UserError:
    group = what.partition(".")[0]
    return UserError(
        f"{what}; read that code, then allow it with +{group}.engine_args.trust_remote_code=true, or use a "
        "checkpoint without it."
    )


@contextlib.contextmanager
def _silent_transformers() -> Iterator[None]:
    """Keep transformers' remarks about a config out of the terminal."""
    from transformers.utils import logging as remarks

    before = remarks.get_verbosity()
    remarks.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        remarks.set_verbosity(before)
