"""The layouts of other tools: recognised by their rows, and read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttc.data.sampled.layouts import Layout, SampledFile, read_sampled
from ttc.data.sampled.rows import Completion
from ttc.errors import UserError
from ttc.types import FinishReason

Row = Mapping[str, Any]

SAL: Row = {
    **{"problem": "1+1?", "solution": "It is \\boxed{2}.", "answer": "2", "subject": "Sums", "level": 1},
    **{"unique_id": "sums/1", "completions": ["so \\boxed{2}", "\\boxed{3}"], "pred": "so \\boxed{2}"},
    **{"scores": [[0.5, 0.9], [0.25]], "completion_tokens": [7, -1], "agg_scores": [0.9, 0.25]},
}
QWEN: Row = {
    **{"idx": 4, "question": "1+1?", "gt_cot": "It is 2.", "gt": "2", "level": "Level 3", "type": "Sums"},
    **{"answer": "2", "code": ["so \\boxed{2}", "\\boxed{3}"], "pred": ["2", "3"], "report": [None, None]},
    **{"score": [True, False], "pred_score": [[3.5], [-1.25]]},
}
LM_EVAL: Row = {
    **{"doc_id": 3, "doc": {"question": "1+1?", "answer": "It is 2.\n#### 2"}, "target": "It is 2.\n#### 2"},
    **{"arguments": [["Q: 1+1?\nA:", {"until": ["Q:"]}]], "resps": [["#### 2", "#### 3"]], "filtered_resps": ["2"]},
    **{"filter": "strict-match", "doc_hash": "abc", "exact_match": 1.0},
}
SAMPLES: Row = {
    **{"id": "a", "problem": "1+1?", "gold": "2", "level": "Level 3", "generator": "small"},
    "samples": [
        {"text": "so \\boxed{2}", "answer": "2", "correct": True, "score": 3.5, "finish_reason": "stop", "tokens": 7},
        {"text": "\\boxed{3}", "answer": "3", "correct": False, "values": [0.5, 0.25], "finish_reason": "length"},
    ],
}
LISTS: Row = {"prompt": "1+1?", "answer": 2, "responses": ["so \\boxed{2}", "\\boxed{3}"], "score": [True, False]}
ONE: Row = {"question": "1+1?", "target": "2", "response": "so \\boxed{2}", "reward": 3, "is_correct": 1, "model": "m"}
LAYOUTS = {
    Layout.search_and_learn: SAL,
    Layout.qwen_math: QWEN,
    Layout.lm_eval: LM_EVAL,
    Layout.samples: SAMPLES,
    Layout.lists: LISTS,
    Layout.completions: ONE,
}


def read(path: Path, rows: Sequence[Row], layout: Layout | None = None, with_scores: bool = True) -> SampledFile:
    file = path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_sampled(file, layout, with_scores=with_scores)


@pytest.mark.parametrize("layout", Layout)
def test_a_layout_is_recognised_by_its_rows_and_gives_question_gold_and_texts(tmp_path: Path, layout: Layout) -> None:
    found = read(tmp_path, [LAYOUTS[layout]])
    assert found.layout is layout
    [row] = found.rows
    assert row.question == "1+1?" and row.gold in ("2", "It is 2.\n#### 2")
    assert row.completions[0].text in ("so \\boxed{2}", "#### 2")
    assert len(row.completions) == (1 if layout is Layout.completions else 2)


def test_search_and_learn_gives_step_scores_and_counts_of_which_minus_one_is_unknown(tmp_path: Path) -> None:
    [row] = read(tmp_path, [SAL]).rows
    assert row.completions == (
        Completion("so \\boxed{2}", (0.5, 0.9), tokens=7),
        Completion("\\boxed{3}", (0.25,)),
    )
    assert (row.id, row.number, row.level, row.subject) == ("sums/1", None, 1, "Sums")


def test_qwens_score_is_the_verdict_and_pred_score_the_reward(tmp_path: Path) -> None:
    [row] = read(tmp_path, [QWEN]).rows
    assert [(c.scores, c.verdict) for c in row.completions] == [((3.5,), True), ((-1.25,), False)]
    assert (row.id, row.number, row.level, row.subject) == (None, "4", 3, "Sums")


def test_lm_eval_logs_each_response_once_per_filter_and_it_is_read_once(tmp_path: Path) -> None:
    other = {**LM_EVAL, "filter": "flexible-extract"}
    second = {**LM_EVAL, "doc_id": 4, "doc": {}, "resps": [["#### 5"]], "exact_match": 0.0}
    rows = read(tmp_path, [LM_EVAL, second, other, {**other, "doc_id": 4}]).rows
    assert [(row.number, [c.text for c in row.completions]) for row in rows] == [
        ("3", ["#### 2", "#### 3"]),
        ("4", ["#### 5"]),
    ]
    assert rows[1].question == "Q: 1+1?\nA:"  # of the arguments, where the document has none
    assert [c.verdict for row in rows for c in row.completions] == [None, None, False]  # of one response only


def test_newer_lm_eval_names_its_arguments(tmp_path: Path) -> None:
    row = {**LM_EVAL, "doc": {}, "arguments": {"gen_args_0": {"arg_0": "1+1?", "arg_1": {}}}}
    assert read(tmp_path, [row]).rows[0].question == "1+1?"


def test_objects_carry_scores_verdicts_counts_and_why_they_ended(tmp_path: Path) -> None:
    [row] = read(tmp_path, [SAMPLES]).rows
    assert row.completions == (
        Completion("so \\boxed{2}", (3.5,), 7, FinishReason.STOP, True),
        Completion("\\boxed{3}", (0.5, 0.25), None, FinishReason.LENGTH, False),
    )
    assert (row.id, row.level, row.model) == ("a", 3, "small")


def test_a_row_that_is_one_completion_carries_the_same(tmp_path: Path) -> None:
    [row] = read(tmp_path, [ONE]).rows
    assert row.completions == (Completion("so \\boxed{2}", (3.0,), verdict=True),) and row.model == "m"


def test_a_list_of_verdicts_is_no_list_of_scores(tmp_path: Path) -> None:
    [row] = read(tmp_path, [LISTS]).rows
    assert [(c.scores, c.verdict) for c in row.completions] == [((), True), ((), False)] and row.gold == "2"


def test_a_layout_can_be_forced(tmp_path: Path) -> None:
    both = {**SAL, "code": ["\\boxed{5}"]}
    assert [c.text for c in read(tmp_path, [both], Layout.lists).rows[0].completions] == SAL["completions"]
    forced = read(tmp_path, [both], Layout.qwen_math)
    assert [c.text for c in forced.rows[0].completions] == ["\\boxed{5}"]


def test_a_conversation_asks_what_its_user_said_last(tmp_path: Path) -> None:
    said = [{"role": "system", "content": "Think."}, {"role": "user", "content": "1+1?"}]
    assert read(tmp_path, [{**LISTS, "prompt": said}]).rows[0].question == "1+1?"


def test_parquet_and_csv_files_are_read_as_well(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([dict(SAL)]), tmp_path / "rows.parquet")
    [row] = read_sampled(tmp_path / "rows.parquet").rows
    assert [c.scores for c in row.completions] == [(0.5, 0.9), (0.25,)]
    (tmp_path / "rows.csv").write_text(
        "problem,answer,completion,score,tokens,correct\n1+1?,2,\\boxed{2},0.75,7,True\n"
    )
    [row] = read_sampled(tmp_path / "rows.csv").rows
    assert row.completions == (Completion("\\boxed{2}", (0.75,), 7, verdict=True),)


def test_scores_can_be_ignored_whatever_they_are(tmp_path: Path) -> None:
    broken = {**SAL, "scores": [["high"]]}
    assert [c.scores for c in read(tmp_path, [broken], with_scores=False).rows[0].completions] == [(), ()]


NAN = float("nan")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"problem": "?", "answer": "2"}, "rows.jsonl:1 is of no known layout (its fields: problem, answer); rename"),
        ({"a\x1b[31m": 1}, "of no known layout (its fields: a\\x1b[31m)"),
        ({**SAL, "completions": []}, "field 'completions' is an empty list; a row has at least one completion"),
        ({**SAL, "completions": ["a", None]}, "completions[1] is None; it must be a text"),
        ({**SAL, "scores": [[0.5]]}, "field 'scores' has 1 entries and 'completions' has 2 completions; fix the row"),
        ({**SAL, "scores": 0.5}, "field 'scores' is 0.5; it must be a list with an entry per completion"),
        ({**SAL, "scores": [[0.5, NAN], [1]]}, "scores[0][1] is nan; a score is a finite number"),
        ({**SAL, "scores": [[0.5], [None]]}, "scores[1][0] is None; a score is a finite number"),
        ({**SAL, "scores": [[0.5], [10**400]]}, "a score is a finite number"),
        ({**SAL, "scores": [True, {}]}, "scores[0] is True; a score is a finite number"),
        ({**SAL, "answer": ["2", "3"]}, "field 'answer' is a list of 2 answers; a problem has one"),
        ({**SAL, "answer": {}}, "field 'answer' is {}; it must be text or a number"),
        ({**SAL, "problem": True}, "field 'problem' is True; it must be text or a number"),
        ({**SAL, "problem": "nul \0"}, "field 'problem' contains a NUL character or half of a surrogate pair"),
        ({**SAL, "unique_id": ["x"]}, "field 'unique_id' is ['x']; an id is a number or a short text of one line"),
        ({**SAMPLES, "samples": [{"text": "a"}, "b"]}, "samples[1] is 'b'; it must be an object with a `text`"),
        ({**SAMPLES, "samples": [{"score": 1}]}, "samples[0] has no field 'text'; a completion is a text"),
        ({**SAMPLES, "samples": [{"text": 3}]}, "samples[0].text is 3; a completion is a text"),
        ({**SAMPLES, "samples": [{"text": "a", "score": NAN}]}, "samples[0].score is nan; a score is a finite number"),
        ({**SAMPLES, "samples": [{"text": "a", "score": "high"}]}, "samples[0].score is 'high'; a score is a finite"),
        ({**LM_EVAL, "resps": [[["-1.5", "False"]]]}, "resps[0] holds ['-1.5', 'False']; only generated texts"),
        ({**LM_EVAL, "resps": []}, "field 'resps' is []; it must hold responses"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_place(tmp_path: Path, row: Row, message: str) -> None:
    with pytest.raises(UserError) as raised:
        read(tmp_path, [row])
    assert str(raised.value).startswith(f"{tmp_path}/rows.jsonl:1") and message in str(raised.value)


def test_a_later_row_of_another_layout_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"rows.jsonl:2 has no field 'completions'; it must hold a list of completions"):
        read(tmp_path, [SAL, ONE])


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"rows.jsonl has no rows"):
        read(tmp_path, [])


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\\boxed{2}")
NAMES = st.sampled_from(sorted({name for row in LAYOUTS.values() for name in row} | {"text", "score", "values"}))
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))


@given(layout=st.sampled_from(Layout), changed=st.dictionaries(NAMES, VALUES, max_size=4), forced=st.booleans())
def test_whatever_a_row_holds_it_is_read_or_refused_on_one_line(
    tmp_path_factory: pytest.TempPathFactory, layout: Layout, changed: Row, forced: bool
) -> None:
    try:
        found = read(tmp_path_factory.mktemp("any"), [{**LAYOUTS[layout], **changed}], layout if forced else None)
    except UserError as error:
        assert ":1" in str(error)
    else:
        assert all(isinstance(c.text, str) for row in found.rows for c in row.completions)
