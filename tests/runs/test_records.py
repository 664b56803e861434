"""A stored record is read back as it was."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from run_records import record, records

from ttc.files import jsonl_row
from ttc.runs.records import CandidateRecord, ProblemRecord


def test_a_record_survives_json() -> None:
    for row in records():
        assert ProblemRecord.from_json(json.loads(json.dumps(row.to_json()))) == row


def test_the_route_of_a_problem_survives_json_and_may_be_absent() -> None:
    row = replace(records()[0], route="beam").to_json()
    assert ProblemRecord.from_json(row).route == "beam"
    del row["route"]  # written by an older ttc
    assert ProblemRecord.from_json(row).route is None


def test_unknown_keys_of_a_row_are_ignored() -> None:
    row = records()[0].to_json()
    row["candidates"] = [candidate | {"logprob": -1.5} for candidate in row["candidates"]]
    assert ProblemRecord.from_json(row | {"mood": "good"}) == records()[0]


def test_a_missing_field_is_an_error() -> None:
    row = records()[0].to_json()
    for name in ("selected", "candidates"):
        with pytest.raises(KeyError, match=name):
            ProblemRecord.from_json({key: value for key, value in row.items() if key != name})
    for name in ("id", "gold", "correct", "oracle"):
        with pytest.raises(TypeError, match=name):
            ProblemRecord.from_json({key: value for key, value in row.items() if key != name})
    with pytest.raises(TypeError, match="answer"):
        CandidateRecord.from_json({"text": "", "correct": True})


def test_a_value_of_nan_is_stored_as_null_and_read_as_nan() -> None:
    row = jsonl_row(CandidateRecord("", "1", True, values=(math.nan, 0.5)).to_json())
    assert json.loads(row)["values"] == [None, 0.5]
    first, second = CandidateRecord.from_json(json.loads(row)).values
    assert math.isnan(first) and second == 0.5


def test_pass1_is_the_share_of_correct_candidates() -> None:
    assert [row.pass1 for row in records()] == [1.0, 0.5, 0.0, 0.75]
    assert ProblemRecord("a", "1", False, {}, False, ()).pass1 == 0.0
    assert record("b", {}, share=0.25).pass1 == 0.25
