"""Impossible settings are refused before weights load; what vLLM refuses while it loads is one line too."""

from __future__ import annotations

import logging
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from checkpoints import copied, set_json

from ttc.engines.generator import VllmGenerator
from ttc.engines.loading import one_line_failures
from ttc.engines.reasons import is_out_of_memory, reason_of
from ttc.engines.verifier import VllmVerifier
from ttc.errors import RunError, UserError


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"max_model_len": 0}, "max_model_len=0: must be at least 1 token; use"),
        ({"max_model_len": -5}, "max_model_len=-5: must be at least 1 token"),
        ({"max_model_len": 10**9}, "reads at most 512 tokens .*; use prm.max_model_len=512 or less"),
        ({"max_num_seqs": 0}, "max_num_seqs=0: must be from 1 to 65536"),
        ({"max_num_seqs": 10**8}, "max_num_seqs=100000000: must be from 1 to 65536"),
        ({"max_num_seqs": 60_000}, r"max_num_seqs=60000: vLLM refuses it \(max_num_batched_tokens"),
        ({"kv_cache_gib": math.nan}, "kv_cache_gib=nan: must be above 0, in GiB"),
        ({"kv_cache_gib": math.inf}, "kv_cache_gib=inf: must be above 0, in GiB"),
        ({"kv_cache_gib": -1.0}, "kv_cache_gib=-1.0: must be above 0"),
        ({"kv_cache_gib": 0.0}, "kv_cache_gib=0.0: must be above 0"),
        ({"kv_cache_gib": 1e6}, r"kv_cache_gib=1000000.0: this machine has \d+ GiB of memory; use"),
        ({"gpu_memory_utilization": 0.0}, "gpu_memory_utilization=0.0: must be above 0 and at most 1"),
        ({"gpu_memory_utilization": 1.5}, "gpu_memory_utilization=1.5: must be above 0 and at most 1"),
        ({"gpu_memory_utilization": math.nan}, "gpu_memory_utilization=nan: must be above 0 and at most 1"),
        ({"dtype": "foo"}, "dtype=foo: not one of auto, float32, float16, bfloat16, float, half"),
        ({"tensor_parallel_size": 0}, "tensor_parallel_size=0: must be at least 1 GPU"),
        ({"tensor_parallel_size": 999}, "tensor_parallel_size=999: needs 999 GPUs, and there is"),
        ({"engine_args": {"pipeline_parallel_size": 999}}, "pipeline_parallel_size=999: needs 999 GPUs"),
        ({"revision": "main"}, "revision=main: pocket is a directory; leave revision out"),
        ({"engine_args": {"model": "other"}}, "prm.engine_args.model: use prm.model=other"),
        ({"engine_args": {"enforce_eager": "banana"}}, "enforce_eager: Input should be a valid boolean"),
        ({"engine_args": {"quantization": "nonesuch"}}, "vLLM refuses it .*Unknown quantization method: nonesuch"),
        ({"engine_args": {"max_model_len": 10**9}}, "vLLM refuses it .*greater than the derived max_model_len"),
    ],
)
def test_an_impossible_setting_is_refused_on_one_line(
    settings: dict[str, Any], reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=reason) as caught:
        VllmVerifier(**settings).check()
    assert str(caught.value).startswith("prm.") and str(caught.value).endswith(".") and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_context_that_positions_are_scaled_to_is_left_to_vllm(tmp_path: Path) -> None:
    directory = copied("prm", tmp_path / "prm")
    rope = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}
    set_json(directory / "config.json", rope_parameters=rope)
    VllmVerifier(model=str(directory), max_model_len=2048).check()


def test_what_vllm_refuses_while_it_loads_is_one_line_and_its_account_is_logged(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    directory = copied("generator", tmp_path / "generator")
    set_json(directory / "config.json", hidden_act="nonesuch")
    config = VllmGenerator(model=str(directory))
    config.check()  # this one vLLM alone can tell
    with (
        caplog.at_level(logging.INFO, "ttc"),
        pytest.raises(UserError, match=f"^generator.model={directory}: vLLM refuses it .*nonesuch.*; change the model"),
    ):
        config.start()
    assert capfd.readouterr() == ("", "")
    [record] = caplog.records
    assert record.exc_info and "printed" in record.getMessage()


def test_a_failure_hides_what_was_printed_and_a_success_does_not(capfd: pytest.CaptureFixture[str]) -> None:
    def speak() -> None:
        os.write(1, b"from compiled code\n")
        subprocess.run([sys.executable, "-c", "import sys; print('child', file=sys.stderr)"], check=True)

    with pytest.raises(UserError, match=r"what: vLLM refuses it \(because\); do this\."), failing("because"):
        speak()
    assert capfd.readouterr() == ("", "")
    with one_line_failures("prm", "what", "do this."):
        speak()
    assert capfd.readouterr() == ("", "from compiled code\nchild\n")


def failing(reason: str) -> Any:
    """Return a context that fails like vLLM after its block."""
    from contextlib import contextmanager

    @contextmanager
    def context() -> Any:
        with one_line_failures("prm", "what", "do this."):
            yield
            raise ValueError(reason)

    return context()


def test_too_little_memory_is_no_mistake_of_the_users() -> None:
    reason = "No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"
    with (
        pytest.raises(RunError, match=r"not enough memory .* lower prm\.max_model_len, prm\.max_num_seqs"),
        failing(reason),
    ):
        pass


CHILD = """(EngineCore pid=7) ERROR 11-25 15:50:57 [core.py:100] Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-25 15:50:57 [core.py:100] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate
Process EngineCore:
Traceback (most recent call last):
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


def test_the_reason_of_an_engine_in_another_process_is_found_in_what_it_printed() -> None:
    error = RuntimeError("Engine core initialization failed. See root cause above. Failed core proc(s): {}")
    assert reason_of(error, CHILD) == "OutOfMemoryError: CUDA out of memory. Tried to allocate"
    assert reason_of(error, "") == f"RuntimeError: {error}"
    assert is_out_of_memory(reason_of(error, CHILD))


def test_a_reason_is_short_and_on_one_line() -> None:
    assert reason_of(ValueError("a\n  b")) == "a b"
    assert reason_of(KeyError("a")) == "KeyError: 'a'"
    assert reason_of(AssertionError()) == "AssertionError"
    assert len(reason_of(ValueError("long " * 1000))) < 300


def test_a_validation_error_names_its_field() -> None:
    from pydantic import BaseModel, ValidationError

    class Settings(BaseModel):
        size: int

    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"size": "many"})
    assert reason_of(caught.value).startswith("size: Input should be a valid integer")
