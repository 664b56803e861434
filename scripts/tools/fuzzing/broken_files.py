"""Broken data files, tables of pass@1, checkpoints, run directories and stores."""

from __future__ import annotations

import gzip
import io
import json
import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fuzzing.cases import Case, Prepare, Template, file, fixed, run_case, special
from ttc.engines.checkpoint import POCKET_WEIGHTS

ROW = {"problem": "1+1?", "answer": "2"}
GRADED = {"gold": "2", "completion": "\\boxed{2}"}
HALF = "half \ud83d"
# Values of a field that no run can use.
NO_ANSWERS: tuple[Any, ...] = (None, "", " ", [], ["1", "2"], {}, True, float("nan"), HALF, [[1]])
NO_QUESTIONS: tuple[Any, ...] = (None, [1, 2], {}, True, HALF, "nul \0", float("inf"))
NO_IDS: tuple[Any, ...] = ([1], {}, True, HALF, "a\nb", "\x1b[31m", "x" * 10_000)
NO_LEVELS: tuple[Any, ...] = ("9" * 23, 10**22, -1, "hard", [3], True, 2.5)
NO_COMPLETIONS: tuple[Any, ...] = (None, [], [None], [[]], {}, "text", [True])
NO_SCORES: tuple[Any, ...] = (0.5, {}, [], [0.5, 0.5], [[True]], [float("nan")], [[None]], ["x"])
NO_NUMBERS = ("x", "1,2", "9**9**9", "(1,2)")
NO_OPTIONS: tuple[Any, ...] = (None, [], ["2"], [{}], ["a"] * 2, list(range(3, 40)))
# What no reader of rows may take, whatever the fields are called.
LINES = (b"", b"[", b"{", b"1", b"[1]", b"null", b'"text"', b"\xff\xfe", b"\x00" * 9, b"NaN", b"[" * 5000, b"9" * 5000)
BAD_ROWS: tuple[Mapping[str, Any], ...] = (
    {"problem": "?"},
    {"answer": "2"},
    {"problem": "", "answer": "2"},
    *({"problem": "?", "answer": value} for value in NO_ANSWERS),
    *({"problem": value, "answer": "2"} for value in NO_QUESTIONS),
    *({**ROW, "id": value} for value in NO_IDS),
    *({**ROW, "level": value} for value in NO_LEVELS),
    {**ROW, "subject": HALF},
)
CSV = (
    *("problem,answer\nFind it.,(1,2)\n", "problem,answer\nonly\n", "problem,answer\n?,NaN\n", "problem,answer\n?,\n"),
    *(
        'problem,answer\n"open,2\n',
        'problem,answer\n"a" b,2\n',
        "problem;answer\n?;1;2\n",
        "a,b\n1,2\n",
        "answer,answer\n1,2\n",
    ),
    *("", "\n\n", "problem,answer\n", "problem,answer\n?,2\0\n", "problem\n?\n", "problem,answer\r?,2\r"),
)


def data_templates() -> list[Template]:
    """Return templates of `ttc run` with a broken data file, or a broken table of pass@1."""
    rows = [_data("p.jsonl", json.dumps(row)) for row in BAD_ROWS]
    lines = [_data("p.jsonl", json.dumps(ROW).encode() + b"\n" + line + b"\n") for line in LINES if line]
    lists = [_data("p.json", text) for text in (b"", b"{}", b"[]", b"[1]", b"[" * 5000, b'[{"problem": ', b"\xff")]
    tables = [
        run_case("difficulty.path=t.json", prepare=file("t.json", text))
        for text in ("", "{}", "[]", '{"a": 2}', '{"a": NaN}', '{"a": ' + "[" * 5000, "\udcff", '{"a\ud83d": 0.5}')
    ]
    others = [
        _data("p.jsonl", b""),
        _data("p.jsonl", f"{json.dumps(ROW)}\n{json.dumps(ROW)}"),
        _data("p.jsonl", json.dumps({**ROW, "problem": "x" * (17 * 2**20)})),
        _data("p.jsonl", b"x" * (17 * 2**20)),
        _data("p.csv", "problem,answer\n".encode("utf-16")),
        _data("p.jsonl", gzip.compress(b"{}")),
        _data("p.xlsx", b"PK\3\4"),
        _data("p", json.dumps(ROW)),
        _data("p.jsonl", json.dumps({**ROW, "answer": "no marker"}), "data.answer_marker='####'"),
        _data("p.jsonl", json.dumps(ROW), "data.answer_marker=''"),
        _data("p.jsonl", json.dumps(ROW), "data.question_field=''"),
        _data("p.jsonl", json.dumps(ROW), "data.answer_reading=solution"),
        _data("p.jsonl", json.dumps(ROW), "data.start=1"),
        _data("p.jsonl", json.dumps(ROW), "data.shard=2/2"),
        _data("p.jsonl", b"\n".join(LINES), "data.skip_bad_rows=true"),
        _data("p.jsonl", json.dumps({**ROW, "answer": ["1", {}]}), "data.several_answers=any"),
        *(_data("p.jsonl", json.dumps({**ROW, "answer": gold}), "grader=numeric") for gold in NO_NUMBERS),
        *map(_choices, NO_OPTIONS),
    ]
    csvs = [_data("p.csv", text) for text in CSV]
    return [*fixed([*rows, *lines, *lists, *tables, *others, *csvs]), *[_special_data] * 8, *[_damaged_parquet] * 8]


def _data(name: str, content: bytes | str, *overrides: str) -> Case:
    return run_case("data=jsonl", f"data.path={name}", *overrides, prepare=file(name, content))


def _choices(wrong: object) -> Case:
    """Return a case of a question of multiple choice with these wrong options."""
    row = json.dumps({"Question": "?", "Correct Answer": "2", "wrong": wrong})
    override = "data.incorrect_fields=[wrong]"
    return run_case("data=gpqa", "data.path=p.jsonl", override, prepare=file("p.jsonl", row))


def _special_data(rng: random.Random) -> Case:
    path, prepare = special(rng, rng.choice([".jsonl", ".json", ".csv", ".parquet"]))
    key = rng.choice(["data=jsonl data.path", "difficulty.path"])
    return run_case(*f"{key}={path}".split(), prepare=prepare)


def _damaged_parquet(rng: random.Random) -> Case:
    import pyarrow
    import pyarrow.parquet

    written = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([ROW] * 50), written)
    content = bytearray(written.getvalue())
    if rng.random() < 0.5:
        return _data("p.parquet", bytes(content[: rng.randrange(len(content) - 8)]))
    for _ in range(20):
        content[rng.randrange(len(content))] = rng.randrange(256)
    case = _data("p.parquet", bytes(content))
    return Case(case.arguments, case.prepare, sure=False)


def grade_templates() -> list[Template]:
    """Return templates of `ttc grade FILE`."""
    values: tuple[Any, ...] = (None, "", [], {}, True, float("nan"), HALF)
    golds = [{**GRADED, "gold": value} for value in values]
    completions = [{**GRADED, "completion": value} for value in values[2:-1]]
    texts = [*map(json.dumps, [*golds, *completions, {"gold": "2"}, {}]), "[" * 5000, "", "\n", "x" * (17 * 2**20)]
    cases = [Case(["grade", "g.jsonl"], file("g.jsonl", text), "ud83d" not in text) for text in texts]
    lines = [
        Case(["grade", "g.jsonl"], file("g.jsonl", json.dumps(GRADED).encode() + b"\n" + line))
        for line in LINES
        if line
    ]
    return fixed([*cases, *lines])


def import_templates() -> list[Template]:
    """Return templates of `ttc import FILE`."""
    row = {**ROW, "completions": ["\\boxed{2}"], "scores": [[0.5]]}
    changes: list[dict[str, Any]] = [
        *({"answer": value} for value in NO_ANSWERS),
        *({"problem": value} for value in NO_QUESTIONS[1:]),
        *({"id": value} for value in NO_IDS),
        *({"completions": value} for value in NO_COMPLETIONS),
        *({"scores": value} for value in NO_SCORES),
    ]
    contents = [json.dumps({**row, **change}).encode() for change in changes]
    contents += [json.dumps(row).encode() + b"\n" + line for line in LINES if line] + [b"", b"\n"]
    arguments = ["import", "i.jsonl", "--out", "out"]
    return [
        *fixed([Case(arguments, file("i.jsonl", content)) for content in contents]),
        *[_special_import] * 6,
    ]


def _special_import(rng: random.Random) -> Case:
    path, prepare = special(rng, rng.choice([".jsonl", ".json", ".csv", ".parquet"]))
    return Case(["import", path, "--out", "out"], prepare)


# --- checkpoints


def checkpoint_templates() -> list[Template]:
    """Return templates of broken copies of the pocket's generator and verifier."""
    texts = ("", "[]", "{}", "{", "null", '{"model_type": "nothing"}', "\xff", "[" * 5000)
    changes: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
        lambda config: config | {"hidden_size": 7},
        lambda config: config | {"hidden_size": "x"},
        lambda config: config | {"num_hidden_layers": 99},
        lambda config: config | {"vocab_size": 3},
        lambda config: config | {"architectures": ["NoSuchModel"]},
        lambda config: config | {"architectures": []},
        lambda config: config | {"auto_map": {"AutoModel": "evil.Model"}},
        lambda config: {key: value for key, value in config.items() if key != "model_type"},
    ]
    broken: list[Prepare] = [
        *(file("model/config.json", text) for text in texts),
        *(_changed_config(change) for change in changes),
        *(file("model/tokenizer.json", text) for text in ("", "{}", "[]", "\xff")),
        _removed("tokenizer.json"),
        _removed("config.json"),
        _removed("model.safetensors"),
        file("model/model.safetensors", ""),
        file("model/model.safetensors", "<!DOCTYPE html><html>not found</html>"),
        lambda directory: _truncate(directory / "model" / "model.safetensors"),
        lambda directory: _special_weights(directory / "model" / "model.safetensors"),
    ]
    cases = []
    for group in ("generator", "prm"):
        for damage in broken:
            cases.append(run_case(f"{group}.model=model", prepare=_damaged_model(group, damage), sure=False))
    swapped = [run_case("prm.model=pocket-generator", sure=False), run_case("generator.model=pocket-prm", sure=False)]
    return fixed([*cases, *swapped])


def _damaged_model(group: str, damage: Prepare) -> Prepare:
    def prepare(directory: Path) -> None:
        shutil.copytree(POCKET_WEIGHTS / group, directory / "model")
        damage(directory)

    return prepare


def _changed_config(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Prepare:
    def prepare(directory: Path) -> None:
        path = directory / "model" / "config.json"
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return prepare


def _removed(name: str) -> Prepare:
    return lambda directory: (directory / "model" / name).unlink()


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _special_weights(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")
