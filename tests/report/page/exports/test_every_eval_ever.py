"""The records are what Every Eval Ever's own schema allows; it lies here under its MIT licence."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from report.page.exports.every_eval_ever import SCHEMA_VERSION, records
from tests.report.compare.lm_eval_folders import compared
from tests.report.page.exports.exported import as_records
from tests.report.some_facts import known
from tests.report.synthetic import typed

SCHEMA = json.loads((Path(__file__).parent / "schema" / "every_eval_ever-0.3.0.schema.json").read_text("utf-8"))
UUID_4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def test_every_record_is_valid(facts: dict[str, Any]) -> None:
    assert SCHEMA["version"] == SCHEMA_VERSION
    found = as_records(facts)
    assert [len(record["evaluation_results"]) for record in found.values()] == [7 + 11, 7, 11]
    for record in found.values():
        assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(record)] == []


def test_the_validator_sees_a_mistake(facts: dict[str, Any]) -> None:
    record = next(iter(as_records(facts).values()))
    record["evaluation_results"][0]["metric_config"].pop("max_score")
    assert list(Draft7Validator(SCHEMA).iter_errors(record))


def test_scores_lie_within_their_bounds_and_say_their_unit(facts: dict[str, Any]) -> None:
    for record in as_records(facts).values():
        for result in record["evaluation_results"]:
            metric, score = result["metric_config"], result["score_details"]["score"]
            assert metric["min_score"] <= score <= metric["max_score"]
            assert metric["metric_unit"] == {1.0: "proportion", 100.0: "percent"}[metric["max_score"]] or (
                metric["min_score"] == -1.0 and metric["metric_unit"] == "coefficient"
            )
    metrics = {
        (result["evaluation_name"], result["metric_config"]["metric_name"]): result["metric_config"]
        for record in as_records(facts).values()
        for result in record["evaluation_results"]
    }
    assert metrics["reviews", "accuracy"]["metric_id"] == "accuracy"
    assert metrics["reviews", "Brier score"]["lower_is_better"] is True
    # The registry's F1 goes to 1; token F1 here goes to 100, and is another metric.
    assert metrics["passages", "token F1"]["metric_id"] == "lm-evaluation-harness.f1"


def test_a_score_outside_the_scale_has_no_bounds(facts: dict[str, Any]) -> None:
    score = facts["tasks"][0]["comparisons"][0]["scores"][0]
    score["before"]["value"] = 17.5
    result = next(iter(as_records(facts).values()))["evaluation_results"][0]
    assert (result["metric_config"]["min_score"], result["metric_config"]["max_score"]) == (None, None)


def test_where_a_record_lies(facts: dict[str, Any]) -> None:
    names = list(records(typed(facts)))
    assert all(
        re.fullmatch(rf"every_eval_ever/data/aftertune-trial/[^/]+/[^/]+/{UUID_4}\.json", name) for name in names
    )
    assert [name.split("/")[3:5] for name in names] == [
        ["aftertune-trial", "small"],
        ["aftertune-trial", "reviews-lora-seed1"],
        ["aftertune-trial", "passages-lora-seed1"],
    ]


def test_a_model_of_the_hub_has_its_name_there(facts: dict[str, Any]) -> None:
    text = {"unit": "text", "source": facts["model"]["name"]["source"]}
    facts["model"]["url"] = {"value": "https://huggingface.co/ada/small", **text}
    facts["checkpoints"][0]["hub"] |= {
        "published": True,
        "repo": {"value": "ada/small-reviews", **text},
        "commit": {"value": "0123", **text},
    }
    base, tuned, other = (record["model_info"] for record in as_records(facts).values())
    assert (base["id"], base["additional_details"]["model_availability"]) == ("ada/small", "open_weights")
    assert (tuned["id"], tuned["additional_details"]["revision"]) == ("ada/small-reviews", "0123")
    assert (other["id"], other["additional_details"]["model_availability"]) == (
        "aftertune-trial/passages-lora-seed1",
        "unknown",
    )


@pytest.mark.parametrize(("date", "shown"), [(1795605044.23, "1795605044"), (None, "unknown")])
def test_when_it_was_scored(facts: dict[str, Any], date: float | None, shown: str) -> None:
    for run in facts["reproduction"]["runs"]:
        run["date"] = {"missing": "not recorded"} if date is None else known(date, "number").as_json()
    for record in as_records(facts).values():
        assert record["retrieved_timestamp"] == shown


def test_compare_reads_what_is_exported(facts: dict[str, Any], tmp_path: Path) -> None:
    found = as_records(facts)
    for number, record in enumerate(found.values()):
        (tmp_path / f"{number}.json").write_text(json.dumps(record), encoding="utf-8")
    read = {
        (row["entry"]["value"], task["key"], row["score"]["value"])
        for task in compared([tmp_path])["tasks"]
        for board in task["boards"]
        for row in board["rows"]
    }
    written = {
        (record["model_info"]["id"].rpartition("/")[2], result["evaluation_name"], result["score_details"]["score"])
        for record in found.values()
        for result in record["evaluation_results"]
    }
    assert {(task, score) for _, task, score in read} == {(task, score) for _, task, score in written}
    assert len(read) == len(written)
