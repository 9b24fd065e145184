"""The metrics as modules of `evaluate`, loaded from their folders with the network cut off."""

import json
import socket
from pathlib import Path
from typing import Any, NoReturn

import evaluate
import pytest
import sklearn.metrics

from harness_tasks import TASKS_PATH, UserError, metrics

FOLDERS = ["squad", "meteor", "bleu", "rouge", "classification", "calibration"]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> NoReturn:
        raise AssertionError("the network was asked for something")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def load(tmp_path: Path) -> Any:
    return lambda name: evaluate.load(str(TASKS_PATH / "metrics" / name), cache_dir=str(tmp_path))


def test_every_folder_is_a_metric() -> None:
    folders = [path.name for path in (TASKS_PATH / "metrics").iterdir() if path.is_dir() and path.name[0] != "_"]
    assert sorted(folders) == sorted(FOLDERS)
    readme = (TASKS_PATH / "metrics" / "README.md").read_text(encoding="utf-8")
    assert not [name for name in FOLDERS if f"| `{name}` |" not in readme]


@pytest.mark.parametrize("name", FOLDERS)
def test_each_says_what_it_is(load: Any, name: str) -> None:
    metric = load(name)
    assert isinstance(metric, evaluate.Metric)
    assert len(metric.description) > 100
    assert metric.citation.startswith("@")
    assert f'evaluate.load("harness_tasks/metrics/{name}")' in metric.inputs_description
    assert all("|tok:" in text and "|version:" in text for text in metric.signatures().values())


def test_squad(load: Any) -> None:
    metric = load("squad")
    assert set(metric.features["predictions"]) == {"id", "prediction_text", "no_answer_probability"}
    assert metric.compute(
        predictions=[
            {"id": "1", "prediction_text": "the big Denver Broncos team", "no_answer_probability": 0.0},
            {"id": "2", "prediction_text": "1999", "no_answer_probability": 0.75},
        ],
        references=[
            {"id": "1", "answers": {"text": ["Denver Broncos", "The Denver Broncos"], "answer_start": [3, 0]}},
            {"id": "2", "answers": {"text": [], "answer_start": []}},
        ],
        no_answer_threshold=0.5,
    ) == {
        "exact": 50.0,
        "f1": pytest.approx((200 / 3 + 100) / 2),
        "total": 2,
        "HasAns_exact": 0.0,
        "HasAns_f1": pytest.approx(200 / 3),
        "HasAns_total": 1,
        "NoAns_exact": 100.0,
        "NoAns_f1": 100.0,
        "NoAns_total": 1,
        "best_exact": 50.0,
        "best_exact_thresh": 0.0,
        "best_f1": pytest.approx((200 / 3 + 100) / 2),
        "best_f1_thresh": 0.0,
    }
    # The word is an answer like any other here, as in squad_v2; the tasks make it an empty one.
    assert "none:empty|" in metric.signatures()["exact"]
    assert "none:unanswerable,empty|" in metrics.signatures("answers")["exact"]


@pytest.mark.parametrize(
    ("golds", "predictions", "exact", "f1"),
    [
        ("squad1/dev-v1.1.json", "squad1/predictions-match-lstm.json", 67.635, 76.756),
        ("squad2/dev-v2.0.json", "squad2/predictions-nlnet.json", 75.828, 78.778),
    ],
)
def test_squad_gives_published_predictions_their_published_scores(
    load: Any, data_dir: Path, golds: str, predictions: str, exact: float, f1: float
) -> None:
    said = json.loads((data_dir / predictions).read_text(encoding="utf-8"))
    articles = json.loads((data_dir / golds).read_text(encoding="utf-8"))["data"]
    questions = [q for article in articles for paragraph in article["paragraphs"] for q in paragraph["qas"]]
    found = load("squad").compute(
        predictions=[{"id": q["id"], "prediction_text": said[q["id"]], "no_answer_probability": 0} for q in questions],
        references=[
            {"id": q["id"], "answers": {key: [a[key] for a in q["answers"]] for key in ("text", "answer_start")}}
            for q in questions
        ],
    )
    assert (found["exact"], found["f1"]) == (pytest.approx(exact, abs=5e-4), pytest.approx(f1, abs=5e-4))
    assert found["total"] == len(questions)


def test_meteor(load: Any) -> None:
    metric, name = load("meteor"), metrics.meteor_name()
    said = "It is a guide to action which ensures that the military always obeys the commands of the party"
    wanted = "It is a guide to action that ensures that the military will forever heed Party commands"
    assert metric.compute(predictions=[said], references=[wanted]) == {name: pytest.approx(0.6944, abs=5e-5)}
    found = metric.compute(predictions=["Denver", "a dog"], references=[["Denver Broncos", "Denver"], ["cats"]])
    assert found == {name: 0.25}
    assert metric.signatures() == {name: metrics.signatures("answers")[name]}


def test_rouge(load: Any) -> None:
    metric = load("rouge")
    fox, log = "The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log."
    assert metric.compute(predictions=[log], references=[fox]) == pytest.approx(
        {"rouge1": 0.70588, "rouge2": 0.26667, "rougeL": 0.58824}, abs=5e-6
    )
    references = [["hello", "there"], ["general kenobi", "general yoda"]]
    first, second = (metric.compute(predictions=["hello there", "general kenobi"], references=references) for _ in "ab")
    assert first == second == pytest.approx({"rouge1": 5 / 6, "rouge2": 0.5, "rougeL": 5 / 6})
    assert list(metric.signatures()) == ["rouge1", "rouge2", "rougeL"]


def test_bleu(load: Any) -> None:
    found = load("bleu").compute(
        predictions=["hello there general kenobi", "foo bar foobar"],
        references=[["hello there general kenobi", "hello there !"], ["foo bar foobar"]],
    )
    assert found == {
        "bleu": pytest.approx(100),
        "translation_length": 7,
        "reference_length": 7,
        "correct": [7, 5, 3, 1],
        "total": [7, 5, 3, 1],
    }
    # The documented length ratio of 1.1667: two sentences of seven words against six.
    longer = load("bleu").compute(
        predictions=["hello there general kenobi", "foo bar foobar"], references=["hello there !", "foo bar foobar"]
    )
    assert longer["translation_length"] / longer["reference_length"] == pytest.approx(1.1667, abs=5e-5)
    assert load("bleu").compute(predictions=["Paris"], references=["Paris"])["bleu"] == pytest.approx(100)


def test_classification(load: Any) -> None:
    gold, predicted = [1, 1, 1, 0, 0, 1, 0], [1, 0, 1, 1, 0, 1, 0]
    assert load("classification").compute(predictions=predicted, references=gold) == pytest.approx(
        {
            "acc": sklearn.metrics.accuracy_score(gold, predicted),
            "precision": sklearn.metrics.precision_score(gold, predicted),
            "recall": sklearn.metrics.recall_score(gold, predicted),
            "f1": sklearn.metrics.f1_score(gold, predicted),
            "mcc": sklearn.metrics.matthews_corrcoef(gold, predicted),
        }
    )


def test_calibration(load: Any) -> None:
    found = load("calibration").compute(predictions=[[0.25, 0.75], [0.9, 0.1]], references=[1, 1])
    assert found == pytest.approx({"brier": (0.0625 + 0.81) / 2, "ece": (0.25 + 0.9) / 2})


def test_what_is_no_probability_is_refused(load: Any) -> None:
    with pytest.raises(UserError) as caught:
        load("calibration").compute(predictions=[[0.5, 0.5], [-0.5, -1.5]], references=[1, 0])
    assert str(caught.value) == (
        "Found: the prediction 1 is [-0.5, -1.5], which are not probabilities of the choices\n"
        "Why it matters: the Brier score and the calibration error are about probabilities\n"
        "To mend it: give numbers from 0 that sum to 1, such as the softmax of the log-likelihoods"
    )
