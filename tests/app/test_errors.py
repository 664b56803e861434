"""What is wrong with an override is said on one line, with what the user typed and a command that works."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from ttc.app.errors import explain, quoted_override
from ttc.app.registry import config_directory, instantiate, register_run


def message(overrides: Sequence[str]) -> str:
    register_run()
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        try:
            instantiate(compose("run", list(overrides)))
        except Exception as error:
            return str(explain(error, overrides))
    raise AssertionError("nothing is wrong with these")


MESSAGES = {
    # the override that is at fault, not another of its key
    "budget=2 budget=abc": "budget=abc: must be a whole number or null; use e.g. budget=2.",
    "budget=abc budget=2": "budget=abc: must be a whole number or null; use e.g. budget=64.",
    "++budget=abc": "++budget=abc: must be a whole number or null; use e.g. budget=64.",
    "data.limit=null strategy=3": "strategy=3: must be the name of one of the group's options; use e.g. strategy=beam.",
    "strategy=null": "strategy=null: must be the name of one of the group's options; use e.g. strategy=beam.",
    "+seed=3": "+seed=3: seed is in the config already; leave out the plus: seed=3",
    "=3": "=3: the name of the key is missing; use e.g. budget=64.",
    "strategy..width=3": "strategy..width=3: 'strategy..width' is not the name of a key; use e.g. budget=64.",
    # a text with characters that Hydra reads
    "data=jsonl data.path=a=b.jsonl": """'data.path="a=b.jsonl"'""",
    "data=jsonl data.path=x[1].jsonl": """'data.path="x[1].jsonl"'""",
    "data=jsonl data.path=~me/x.jsonl": """'data.path="~me/x.jsonl"'""",
    "data=jsonl data.path=a,b.jsonl": """a comma separates values; quote a text""",
    "data.name=[/red]x": """'data.name="[/red]x"'""",
    "data=jsonl data.path=${HOME}/x": "the config has no key HOME; an environment variable is ${oc.env:HOME}.",
    # several values, and what looks like them
    "budget=4,16": "budget=4,16: several values make several jobs; add -m to run them all: -m budget=4,16",
    "budget=range(1,3)": "several values make several jobs; add -m to run them all: -m 'budget=range(1,3)'",
    "budget=4,": "budget=4,: a value is missing beside a comma",
    "strategy=beam,width=4": "separate overrides by spaces: strategy=beam strategy.width=4",
    "strategy=beam,budget=4": "separate overrides by spaces: strategy=beam budget=4",
    # values of another kind
    "prm.label_tokens=a": "prm.label_tokens=a: must be a list; use e.g. 'prm.label_tokens=[a, b]'.",
    "generator.sampling=hot": "generator.sampling=hot: must be a mapping",
    "generator.sampling={zzz:1}": "generator.sampling={zzz:1}: generator.sampling.zzz is not in the config yet",
}


@pytest.mark.parametrize("overrides", MESSAGES)
def test_an_override_is_explained_with_what_was_typed(overrides: str) -> None:
    text = message(overrides.split())
    assert MESSAGES[overrides] in text
    assert "\n" not in text


def test_the_quoted_override_is_one_that_works(tmp_path: Path) -> None:
    text = message(["data=jsonl", "data.path=a,b=c.jsonl"])
    [suggested] = shlex.split(text.partition("( ): ")[2])
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        assert compose("run", ["data=jsonl", suggested]).data.path == "a,b=c.jsonl"


@settings(max_examples=50)
@given(st.text(alphabet="ab=,;'\"\\\\$({[]}) ~#:é\n", max_size=12).filter(lambda text: text[:1] not in ("'", '"')))
def test_every_text_is_quoted_for_the_shell_and_for_hydra(text: str) -> None:
    [override] = shlex.split(quoted_override("key", text))
    value = OverridesParser.create().parse_override(override).value()
    assert str(value).replace("\\${", "${") == text.replace("\\${", "${")


def test_quotes_that_are_there_already_are_not_doubled() -> None:
    assert quoted_override("data.path", "'a=b'") == quoted_override("data.path", "a=b") == """'data.path="a=b"'"""
