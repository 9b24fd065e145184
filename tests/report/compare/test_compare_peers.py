"""Results of Inspect, lighteval and Every Eval Ever beside lm_eval's on the same rows: real files of each harness."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from aftertune import app
from harness_tasks.errors import UserError
from report.compare.crowds import all_p_values
from report.compare.files import read_all
from report.compare.measures import measure
from report.compare.pairs import score_difference
from tests.report.compare.lm_eval_folders import compared

PEERS = Path(__file__).parents[2] / "data" / "peers"
ROWS = [json.loads(line) for line in (PEERS / "reviews.jsonl").read_text("utf-8").splitlines()]
LABELS = ["negative", "positive"]
HARNESSES = {"lm_eval": "lm_eval 0.4.13", "lighteval": "lighteval, version not recorded", "inspect": "Inspect 0.3.285"}
ALL = [PEERS / "lm_eval", PEERS / "lighteval", PEERS / "inspect" / "eval"]


def answer(place: int) -> str:
    """Returns what `tests/peers/with_inspect.py` has the mock model answer at its call number ``place``."""
    return LABELS[(place * 7 // 3) % 2] if place % 5 else "I cannot say"


def right(place: int, item: int) -> float:
    return float(answer(place) == LABELS[ROWS[item]["label"]])


def board_of(facts: dict[str, Any], metric: str = "acc") -> dict[str, Any]:
    (task,) = facts["tasks"]
    assert task["key"] == "peer_reviews"
    return next(board for board in task["boards"] if board["metric"]["value"] == metric)


def rows_of(facts: dict[str, Any], metric: str = "acc") -> dict[str, Any]:
    """Returns the rows of a board by their harness, without its version."""
    return {row["harness"]["value"].split()[0].rstrip(","): row for row in board_of(facts, metric)["rows"]}


@pytest.fixture(scope="module")
def three() -> dict[str, Any]:
    return compared(ALL, clusters=["peer_reviews:film"])


def test_scores_counted_again_are_the_recorded_ones(three: dict[str, Any]) -> None:
    rows = rows_of(three)
    (ours,) = (PEERS / "lm_eval" / "tiny").glob("results_*.json")
    (theirs,) = (PEERS / "lighteval" / "results" / "tiny").glob("results_*.json")
    lighteval = json.loads(theirs.read_text("utf-8"))["results"]["peer_reviews|0"]
    recorded = {
        "lm_eval": json.loads(ours.read_text("utf-8"))["results"]["peer_reviews"]["acc,none"],
        "lighteval": lighteval["acc"],
        "Inspect": sum(right(place, place) for place in range(24)) / 24,  # its log says 0.2916666666666667
    }
    assert {name: row["score"]["value"] for name, row in rows.items()} == pytest.approx(recorded, abs=1e-12)
    # An interval from eight films shows that the items were read: a recorded standard error knows no films.
    for row in rows.values():
        assert (row["score"]["n"], row["score"]["clusters"]) == (24, 8)
        assert row["how"]["value"] == "delete-one-cluster jackknife, t(G−1)"
    # lighteval's `loglikelihood_f1` is F1 of pairs of labels, whose items are counted again as pairs.
    f1 = rows_of(three, "f1")["lighteval"]["score"]
    assert (f1["value"], f1["clusters"]) == (pytest.approx(lighteval["loglikelihood_f1"], abs=1e-12), 8)


def test_the_harness_stands_beside_each_score(three: dict[str, Any], tmp_path: Path) -> None:
    assert sorted(row["harness"]["value"] for row in board_of(three)["rows"]) == sorted(HARNESSES.values())
    assert [entry["harness"]["value"] for entry in three["entries"]] == list(HARNESSES.values())
    done = CliRunner().invoke(app, ["compare", *map(str, ALL), "--cluster", "peer_reviews:film"])
    table = done.stdout.partition("### Scoreboard")[2].partition("<details>")[0]
    for name in HARNESSES.values():
        assert f"| {name.replace('_', chr(92) + '_')} |" in table or f"| {name} |" in table


def test_two_harnesses_are_paired_where_their_item_texts_match(three: dict[str, Any]) -> None:
    pairs = board_of(three)["pairs"]
    assert len(pairs) == 3
    for pair in pairs:
        assert (pair["unpaired"], pair["refused"]) == (None, None)
        assert pair["flags"][0]["value"].startswith("scored by two harnesses")
        assert pair["p_method"]["value"].startswith(("exact swap test", "no item changed"))
    # lighteval was asked lm_eval's prompts of the same model: no item differs.
    same = next(
        pair
        for pair in pairs
        if {pair["one"]["value"], pair["other"]["value"]} == {"tiny (lm_eval)", "tiny (lighteval)"}
    )
    assert (same["difference"]["value"], same["p_value"]["value"]) == (0, 1)


@pytest.mark.parametrize("changed", ["all", "one", "fewer"])
def test_two_harnesses_are_not_compared_where_texts_do_not_match(tmp_path: Path, changed: str) -> None:
    copy = tmp_path / "other"
    shutil.copytree(PEERS / "lm_eval", copy)
    (file,) = copy.rglob("samples_*.jsonl")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    for number, row in enumerate(rows):
        if changed == "all" or (changed == "one" and number == 3):
            row["doc"]["sentence"] = f"Another text of number {number}"
            row["arguments"]["gen_args_0"]["arg_0"] = f"Another prompt of number {number}"
            row["doc_hash"] = f"{number:064x}"
    kept = rows[:20] if changed == "fewer" else rows
    file.write_text("".join(json.dumps(row) + "\n" for row in kept), "utf-8")
    if changed == "fewer":
        (results,) = copy.rglob("results_*.json")
        content = json.loads(results.read_text("utf-8"))
        content["results"]["peer_reviews"]["acc,none"] = sum(row["acc"] for row in kept) / 20
        content["n-samples"]["peer_reviews"] = {"original": 24, "effective": 20}
        results.write_text(json.dumps(content), "utf-8")
    (pair,) = board_of(compared([copy, PEERS / "inspect" / "eval"]))["pairs"]
    shared = {
        "all": "0 are the same, of 24 and 24",
        "one": "23 are the same, of 24 and 24",
        "fewer": "20 are the same, of",
    }
    assert "no texts show that the items are the same" in pair["refused"]["missing"]
    assert shared[changed] in pair["refused"]["missing"]
    assert "missing" in pair["difference"]
    assert pair["verdict"] == "refused"


def test_two_logs_of_one_harness_are_paired_by_their_own_items() -> None:
    facts = compared([PEERS / "inspect" / "eval", PEERS / "inspect" / "broken"])
    (pair,) = board_of(facts)["pairs"]
    assert pair["unpaired"]["value"] == "the scored items differ: 15 are the same, of 24 and 15"


def test_a_second_run_of_the_same_scores_is_no_copy(tmp_path: Path) -> None:
    (file,) = (PEERS / "inspect" / "json").iterdir()
    content = json.loads(file.read_text("utf-8"))
    for name, run in (("a", "one"), ("b", "one"), ("c", "two")):
        content["eval"]["eval_id"] = run
        (tmp_path / name).mkdir()
        (tmp_path / name / file.name).write_text(json.dumps(content), "utf-8")
    assert len(board_of(compared([tmp_path]))["rows"]) == 2


def test_a_log_that_ended_in_an_error_says_so_and_how_many_it_scored() -> None:
    (row,) = board_of(compared([PEERS / "inspect" / "broken"]))["rows"]
    assert row["score"]["value"] == pytest.approx(sum(right(place, place) for place in range(15)) / 15)
    assert (row["score"]["n"], row["caution"]["value"]) == (
        15,
        "the log's status is “error”: 15 of 24 planned samples were scored; the log holds no score of its own, and the "
        "mean of its samples is shown",
    )


def test_a_log_that_broke_off_before_the_first_answer_says_so(tmp_path: Path) -> None:
    (file,) = (PEERS / "inspect" / "json").iterdir()
    content = json.loads(file.read_text("utf-8")) | {"status": "error", "results": None, "samples": []}
    (tmp_path / file.name).write_text(json.dumps(content), "utf-8")
    with pytest.raises(UserError) as caught:
        compared([tmp_path])
    assert caught.value.found.endswith(
        "holds no score: the log's status is “error”: 0 of 6 planned samples were scored"
    )


def test_several_epochs_of_an_item_stay_one_item() -> None:
    (row,) = board_of(compared([PEERS / "inspect" / "epochs"], clusters=["peer_reviews:film"]))["rows"]
    # The mock model's sixteen answers go to the eight items in the order in which Inspect asked: epoch after epoch.
    assert (row["score"]["n"], row["score"]["clusters"]) == (8, 3)
    assert row["score"]["value"] * 16 == pytest.approx(round(row["score"]["value"] * 16))
    assert row["how"]["value"].startswith("delete-one-cluster jackknife")
    assert row["caution"] is None


def test_a_json_log_and_its_other_scorers() -> None:
    facts = compared([PEERS / "inspect" / "json"])
    assert rows_of(facts)["Inspect"]["score"]["value"] == pytest.approx(sum(right(i, i) for i in range(6)) / 6)
    words = [len(answer(place).split()) for place in range(6)]
    length = rows_of(facts, "length")["Inspect"]
    assert (length["score"]["value"], length["score"]["n"]) == (pytest.approx(sum(words) / 6), 6)
    assert board_of(facts, "length")["higher_is_better"] is None
    assert rows_of(facts, "token_f1")["Inspect"]["score"]["n"] == 6


def test_lighteval_without_details_shows_what_it_recorded(tmp_path: Path) -> None:
    shutil.copytree(PEERS / "lighteval" / "results", tmp_path / "results")
    facts = compared([tmp_path])
    row = rows_of(facts)["lighteval"]
    assert row["score"]["value"] == pytest.approx(14 / 24)
    assert "n" not in row["score"]
    assert "recorded" in row["how"]["value"]


def test_damaged_or_contradicting_details_are_passed_over_and_named(tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(PEERS / "lighteval", copy)
    (details,) = copy.rglob("*.parquet")
    whole = details.read_bytes()
    details.write_bytes(whole[:-200])
    facts = compared([copy])
    (passed,) = facts["passed_over"]
    assert passed["why"]["value"].startswith(f"{details.name} is no complete Parquet file")
    assert str(tmp_path) not in json.dumps(facts)
    details.write_bytes(whole)
    (copy / "again").mkdir()
    (copy / "again" / details.name).write_bytes(whole)
    assert compared([copy])["passed_over"] == []  # twice the same is no contradiction
    other = PEERS / "inspect" / "eval"
    (copy / "again" / details.name).write_bytes(next(other.iterdir()).read_bytes())
    (passed,) = compared([copy])["passed_over"]
    assert passed["why"]["value"].endswith("are details of one task and one time, and differ")
    with pytest.raises(UserError, match="are details of one task and one time, and differ"):
        compared([copy], strict=True)


def test_clusters_that_cannot_be_named(tmp_path: Path) -> None:
    for named, said in (
        (["film"], "is not TASK:FIELD"),
        (["peer_reviews:film", "peer_reviews:year"], "names a second field of that task"),
        (["peer_review:film"], r"names no task of these results \(peer_reviews\)"),
        (["peer_reviews:year"], "has no field `year`, named as the cluster of peer_reviews"),
    ):
        with pytest.raises(UserError, match=said):
            compared(ALL, clusters=named)


def test_a_page_with_named_clusters_is_verified(tmp_path: Path) -> None:
    arguments = [*map(str, ALL), "--cluster", "peer_reviews:film"]
    done = CliRunner().invoke(app, ["compare", *arguments, "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "compare.md").read_text("utf-8")
    assert "Items are clustered by the field `film` of their data, as the command names it." in page
    done = CliRunner().invoke(app, ["verify", str(tmp_path / "compare.html"), *map(str, ALL)])
    assert (done.exit_code, "everything on the page is what its facts give" in done.stdout) == (0, True)


def record(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Returns a record of Every Eval Ever of the accuracy of ``rows``."""
    return {
        "schema_version": "0.3.0",
        "evaluation_id": "peers/1",
        "retrieved_timestamp": "1",
        "source_metadata": {
            "source_type": "evaluation_run",
            "source_organization_name": "o",
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": "inspect_ai", "version": "0.3.285"},
        "model_info": {"name": "m", "id": "org/m"},
        "evaluation_results": [
            {
                "evaluation_name": "peer_reviews",
                "evaluation_result_id": "peer_reviews/acc",
                "source_data": {"dataset_name": "peers", "source_type": "other"},
                "metric_config": {
                    "lower_is_better": False,
                    "metric_id": "accuracy",
                    "min_score": 0.0,
                    "max_score": 1.0,
                },
                "score_details": {"score": sum(row["acc"] for row in rows) / len(rows)},
            }
        ],
        **more,
    }


def written(folder: Path, *, checksum: str = "", scores: int = 24) -> Path:
    """Returns the folder of a record and its samples, made of lm_eval's rows."""
    (file,) = (PEERS / "lm_eval").rglob("samples_*.jsonl")
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    samples = [
        {
            "schema_version": "0.3.0",
            "evaluation_id": "peers/1",
            "model_id": "org/m",
            "evaluation_name": "peer_reviews",
            "evaluation_result_id": "peer_reviews/acc",
            "sample_id": str(row["doc_id"]),
            "interaction_type": "single_turn",
            "input": {"raw": row["doc"]["sentence"], "reference": [LABELS[row["doc"]["label"]]]},
            "output": {"raw": ["negative"]},
            "answer_attribution": [],
            "evaluation": {"score": row["acc"], "is_correct": bool(row["acc"])},
            "metadata": {"film": row["doc"]["film"]},
        }
        for row in rows[:scores]
    ]
    folder.mkdir()
    text = "".join(json.dumps(sample) + "\n" for sample in samples)
    (folder / "r_samples.jsonl").write_text(text, "utf-8")
    digest = checksum or hashlib.sha256(text.encode()).hexdigest()
    told = {
        "format": "jsonl",
        "file_path": "data/c/org/m/r_samples.jsonl",
        "hash_algorithm": "sha256",
        "checksum": digest,
    }
    (folder / "r.json").write_text(json.dumps(record(rows, detailed_evaluation_results=told)), "utf-8")
    return folder


def test_a_record_of_every_eval_ever_with_its_samples(tmp_path: Path) -> None:
    facts = compared([PEERS / "lm_eval", written(tmp_path / "e")], clusters=["peer_reviews:film"])
    row = next(row for row in board_of(facts)["rows"] if "Every" in row["harness"]["value"])
    assert row["harness"]["value"] == "Inspect 0.3.285 (Every Eval Ever)"
    assert (row["score"]["value"], row["score"]["clusters"]) == (pytest.approx(14 / 24), 8)
    (pair,) = board_of(facts)["pairs"]
    assert (pair["refused"], pair["difference"]["value"]) == (None, 0)


def test_samples_of_a_record_that_are_not_its_own_are_passed_over(tmp_path: Path) -> None:
    facts = compared([written(tmp_path / "e", checksum="0" * 64)])
    assert (
        "r_samples.jsonl is not the file that r.json names: its checksum differs"
        in facts["passed_over"][0]["why"]["value"]
    )
    assert "n" not in board_of(facts)["rows"][0]["score"]
    # Samples that lack items do not give the score: then none is counted with.
    (row,) = board_of(compared([written(tmp_path / "few", scores=10)]))["rows"]
    assert row["score"]["value"] == pytest.approx(14 / 24)


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "e") / "r.json"
    file.write_text(file.read_text("utf-8").replace('"schema_version": "0.3.0"', '"schema_version": "1.0.0"'), "utf-8")
    with pytest.raises(UserError, match=r"is a record of Every Eval Ever 1.0.0, and 0.2 and 0.3 are known"):
        compared([file])


def test_nothing_of_a_models_arguments_is_published_but_what_names_it(tmp_path: Path) -> None:
    (file,) = (PEERS / "inspect" / "json").iterdir()
    content = json.loads(file.read_text("utf-8"))
    content["eval"]["model"] = "hf/local"
    content["eval"]["model_args"] = {
        "model_path": "/home/ada/models/mine",
        "api_key": "sk-abc1234567890defgh",
        "header": "x-secret",
    }
    content["eval"]["model_base_url"] = "https://ada:pw@example.org"
    (tmp_path / file.name).write_text(json.dumps(content), "utf-8")
    facts = compared([tmp_path])
    text = json.dumps(facts)
    assert facts["entries"][0]["name"]["value"] == "mine"
    assert not any(secret in text for secret in ("ada", "sk-abc", "x-secret", "example.org"))


def test_a_crowds_tests_pair_the_same_items_of_two_harnesses(tmp_path: Path) -> None:
    shutil.copytree(PEERS / "lm_eval", tmp_path / "ours")
    (file,) = (tmp_path / "ours").rglob("samples_*.jsonl")
    file.write_text("".join(f"{line}\n" for line in reversed(file.read_text("utf-8").splitlines())), "utf-8")
    entries = read_all([tmp_path / "ours", PEERS / "inspect" / "eval", PEERS / "lighteval"]).entries
    measures = [measure(entry.runs["peer_reviews"], "acc,none") for entry in entries]
    tested = all_p_values(measures)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        pair = score_difference(measures[one], measures[other])
        assert (pair.unpaired, tested.method(one, other)) == ("", "exact McNemar test")
        assert tested.p[one, other] == pytest.approx(pair.p, abs=1e-12)
