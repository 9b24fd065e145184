"""Logs of Inspect in the shapes that its schema allows, made by hand: scorers, reducers, attachments, missing parts."""

import io
import json
import math
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness_tasks.errors import UserError
from report.reading.harnesses import Translated
from report.reading.inspect_logs import read_archive, read_whole


def sample(number: int, scores: dict[str, Any], *, epoch: int = 1, **more: Any) -> dict[str, Any]:
    scores = {name: {"value": value, "answer": "a"} for name, value in scores.items()}
    found = {"id": number, "epoch": epoch, "input": f"what is {number}?", "target": "a", "scores": scores}
    return {**found, "output": {"completion": "a"}, **more}


def log(
    samples: list[Any], scores: list[Any], *, status: str = "success", planned: int | None = None, **more: Any
) -> Any:
    ids = [one["id"] for one in samples if one.get("epoch") == 1]
    spec = {
        "task": "pkg/quiz",
        "model": "hf/org/m",
        "task_version": 3,
        "dataset": {"samples": planned or len(ids), "sample_ids": list(range(1, (planned or len(ids)) + 1))},
        "config": {},
        "packages": {"inspect_ai": "0.3.1"},
    }
    results = {"total_samples": len(ids), "completed_samples": len(ids), "scores": scores} if scores else None
    return {"version": 2, "status": status, "eval": spec, "plan": {}, "results": results, "samples": samples, **more}


def score(name: str, value: float, *, metric: str = "accuracy", reducer: str | None = None, scorer: str = "") -> Any:
    metrics = {metric: {"name": metric, "value": value}}
    return {"name": name, "scorer": scorer or name, "reducer": reducer, "metrics": metrics}


def read(content: Any) -> Translated:
    return read_whole(content, Path("a.json"), str)


def scores_of(found: Translated) -> dict[str, Any]:
    return dict(found.content["results"]["quiz"])


def items(found: Translated, metric: str, name: str = "none") -> list[Any]:
    return [row.get(metric) for row in found.tables["quiz"].rows if row["filter"] == name]


def test_what_is_recorded_stands_at_its_place() -> None:
    found = read(log([sample(1, {"match": "C"}), sample(2, {"match": "I"})], [score("match", 0.5)]))
    assert (found.harness.shown, scores_of(found)) == ("Inspect 0.3.1", {"accuracy,none": 0.5})
    assert found.places["results", "quiz", "accuracy,none"] == (
        "results",
        "scores",
        "0",
        "metrics",
        "accuracy",
        "value",
    )
    assert items(found, "accuracy") == [1.0, 0.0]
    assert found.content["versions"] == {"quiz": 3}
    assert found.content["config"]["model_args"] == {"pretrained": "org/m"}
    assert found.content["n-samples"]["quiz"] == {"original": 2, "effective": 2}


def test_several_scorers_of_one_metric_are_told_apart_the_headline_first() -> None:
    samples = [sample(1, {"match": "C", "choice": "I"})]
    content = log(samples, [score("match", 1.0), score("choice", 0.0), score("words", 3.0, metric="mean")])
    content["results"]["headline"] = {"scorer": "choice", "metric": "accuracy"}
    found = read(content)
    assert scores_of(found) == {"accuracy,none": 0.0, "accuracy,match": 1.0, "words,none": 3.0}
    assert (items(found, "accuracy"), items(found, "accuracy", "match")) == ([0.0], [1.0])


def test_a_scorer_of_several_values_has_a_score_of_each() -> None:
    samples = [sample(1, {"both": {"x": 1, "y": 0.25}}), sample(2, {"both": {"x": 0, "y": 0.75}})]
    scores = [score("x", 0.5, metric="mean", scorer="both"), score("y", 0.5, metric="mean", scorer="both")]
    found = read(log(samples, scores))
    assert (items(found, "x"), items(found, "y")) == ([1.0, 0.0], [0.25, 0.75])


def test_epochs_are_reduced_as_the_log_says() -> None:
    samples = [sample(1, {"match": value}, epoch=epoch) for epoch, value in ((1, "C"), (2, "I"), (3, "C"))]
    samples += [sample(2, {"match": value}, epoch=epoch) for epoch, value in ((1, "P"), (2, math.nan), (3, "N"))]
    reductions = [
        {"scorer": "match", "reducer": "max", "samples": [{"value": 1, "sample_id": 1}, {"value": 0.5, "sample_id": 2}]}
    ]
    scores = [score("match", (2 / 3 + 0.25) / 2, reducer="mean"), score("match", 0.75, reducer="max")]
    found = read(log(samples, scores, reductions=reductions))
    # By hand: (1 + 0 + 1) / 3; of the second item NaN is no score: (0.5 + 0) / 2.
    assert items(found, "accuracy") == [pytest.approx(2 / 3), 0.25]
    assert items(found, "accuracy", "match: max") == [1.0, 0.5]
    assert len({row["doc_id"] for row in found.tables["quiz"].rows}) == 2


def test_what_means_no_number_is_not_counted_as_zero() -> None:
    found = read(log([sample(1, {"match": "perhaps"})], [score("match", 0.0)]))
    assert items(found, "accuracy") == ["perhaps"]


def test_a_run_that_ended_early_says_so() -> None:
    content = log([sample(1, {"match": "C"}), sample(2, {})], [], status="cancelled", planned=9)
    metrics = [{"name": "inspect_ai/accuracy"}, {"name": "inspect_ai/stderr"}]
    content["eval"]["scorers"] = [{"name": "match", "metrics": metrics}]
    found = read(content)
    assert scores_of(found) == {"accuracy,none": 1.0}
    said, more = found.cautions["quiz"].split("; ")
    assert said == "the log's status is “cancelled”: 1 of 9 planned samples were scored"
    assert more == "the log holds no score of its own, and the mean of its samples is shown"
    tolerated = read(log([sample(1, {"match": "C"}), sample(2, {})], [score("match", 1.0)], invalidated=True))
    assert tolerated.cautions["quiz"] == "1 of 2 planned samples were scored; the log is marked as invalidated"


def test_texts_that_are_attached_are_found_and_others_are_none() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "attachment://9f"}]}]
    one = sample(1, {"match": "C"}, input=messages, messages=messages, attachments={"9f": "a long question"})
    two = sample(2, {"match": "C"}, input="attachment://7", messages=messages)
    first, second = read(log([one, two], [score("match", 1.0)])).tables["quiz"].rows
    assert (first["doc"]["input"], first["arguments"]) == ("a long question", [["user: a long question"]])
    assert ("input" in second["doc"], "arguments" in second) == (False, False)


def zipped(content: Any, *, header: bool = True) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for one in content["samples"]:
            archive.writestr(f"samples/{one['id']}_epoch_1/sample.json", json.dumps(one))
            archive.writestr(f"samples/{one['id']}_epoch_1/metadata.json", '{"film": "a"}')
        head = {key: value for key, value in content.items() if key != "samples"}
        archive.writestr("_journal/start.json", json.dumps({"version": 2, "eval": content["eval"], "plan": {}}))
        if header:
            archive.writestr("header.json", json.dumps(head))
    return held.getvalue()


def test_an_archive_with_items_in_parts_and_one_of_a_killed_run() -> None:
    content = log([sample(1, {"match": "C"})], [score("match", 1.0)])
    found = read_archive(zipped(content), Path("a.eval"), str)
    assert (items(found, "accuracy"), found.tables["quiz"].rows[0]["doc"]["film"]) == ([1.0], "a")
    assert found.prefix == ("header.json",)
    content["eval"]["scorers"] = [{"name": "match", "metrics": [{"name": "accuracy"}]}]
    killed = read_archive(zipped(content, header=False), Path("a.eval"), str)
    assert killed.cautions["quiz"].startswith("the log's status is “started”")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 1}, "is a log of Inspect of version 1, and 2 is known"),
        ({"results": {"scores": 3}}, "has at `results.scores` 3"),
        ({"samples": [{"id": 1}]}, "lacks `epoch`"),
        ({"eval": {"task": "quiz", "model": 3}}, "has at `eval.model` 3"),
    ],
)
def test_a_log_of_another_shape_is_refused(change: Any, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        read({**log([sample(1, {"match": "C"})], [score("match", 1.0)]), **change})
    assert error.value.mend.startswith("copy the log again as Inspect wrote it")
