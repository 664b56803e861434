"""Engines give their memory back when they are released."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: it would release the engines that other tests share.
SCRIPT = """
import weakref

import torch

from ttc.engines import base
from ttc.engines.base import Draw, release_engines, running_engines, start_engine
from ttc.engines.generator import VllmGenerator
from ttc.types import Problem, Sample, Trace


def sampled(engine):
    engine.submit(0, Sample(Trace(Problem("p", "1 + 1", "2"))), Draw())
    while not (replies := engine.poll()):
        pass
    return replies[0].reply.token_ids


engine = start_engine(VllmGenerator())
before = sampled(engine)
[model] = base._holders
loaded = weakref.ref(model.engine)
assert loaded() is not None and running_engines() == [engine]
release_engines()
assert loaded() is None and running_engines() == [] and not model.is_loaded
assert not torch.distributed.is_initialized()
assert sampled(engine) == before and model.is_loaded
"""


def test_a_released_engine_keeps_nothing_and_loads_again_when_it_is_asked_again() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
