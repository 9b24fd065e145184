"""The confusion matrix of more than two labels: its facts, its figure, and the page that holds it."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, matthews_corrcoef, precision_recall_fscore_support

from report.page.render import render
from report.page.whole import collect
from studies import load_study
from tests.oracle import check
from tests.report.many_labels import ITEMS, write_labelled
from tests.report.synthetic import folder_of, typed

FIVE = ["awful", "poor", "okay", "good", "great | superb"]
GOLD = [at % 5 for at in range(ITEMS)]
ALWAYS_OKAY = [2] * ITEMS
NEAR = [min(4, label + 1) if at < 10 else label for at, label in enumerate(GOLD)]
"""Of the first ten the eight below the last label are said to be one higher."""


def collected(study: Path) -> dict[str, Any]:
    return collect(load_study(study), study, folder_of(study)).as_json()


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return collected(write_labelled(tmp_path_factory.mktemp("five"), FIVE, GOLD, (ALWAYS_OKAY, NEAR)))


def test_each_items_gold_and_predicted_label_is_counted(facts: dict[str, Any]) -> None:
    task = facts["tasks"][0]
    assert task["before"]["matrix"]["counts"]["value"] == [[0, 0, 8, 0, 0]] * 5
    assert task["comparisons"][0]["after"]["matrix"]["counts"]["value"] == [
        [6, 2, 0, 0, 0],
        [0, 6, 2, 0, 0],
        [0, 0, 6, 2, 0],
        [0, 0, 0, 6, 2],
        [0, 0, 0, 0, 8],
    ]
    assert [label["value"] for label in task["before"]["matrix"]["labels"]] == FIVE


def test_each_label_has_the_precision_and_recall_of_scikit_learn(facts: dict[str, Any]) -> None:
    for side, said in (
        (facts["tasks"][0]["before"], ALWAYS_OKAY),
        (facts["tasks"][0]["comparisons"][0]["after"], NEAR),
    ):
        matrix = side["matrix"]
        expected = precision_recall_fscore_support(GOLD, said, labels=range(5), zero_division=np.nan)
        for at, row in enumerate(matrix["classes"]):
            assert row["label"]["value"] == FIVE[at]
            assert row["gold"]["value"] == expected[3][at]
            assert row["gold_share"]["value"] == pytest.approx(expected[3][at] / ITEMS)
            assert row["predicted"]["value"] == said.count(at)
            assert row["correct"]["value"] == sum(g == s == at for g, s in zip(GOLD, said, strict=True))
            assert row["recall"]["value"] == pytest.approx(expected[1][at])
            if np.isnan(expected[0][at]):
                assert row["precision"] == {"missing": "it was predicted of no item"}
            else:
                assert row["precision"]["value"] == pytest.approx(expected[0][at])
        scores = [row["score"]["value"] for row in matrix["overall"]]
        assert scores == pytest.approx([f1_score(GOLD, said, average="macro"), matthews_corrcoef(GOLD, said)])


def test_a_ratio_has_the_interval_of_left_out_clusters(tmp_path: Path) -> None:
    """Tukey's jackknife by hand, a film at a time."""
    study = write_labelled(tmp_path, FIVE, GOLD, (ALWAYS_OKAY, NEAR))
    recall = collected(study)["tasks"][0]["comparisons"][0]["after"]["matrix"]["classes"][0]["recall"]
    lines = (folder_of(study) / "scores/base/reviews/samples.jsonl").read_text(encoding="utf-8").splitlines()
    films = [json.loads(line)["doc"]["film"] for line in lines]
    of_label = [(film, float(said == 0)) for film, gold, said in zip(films, GOLD, NEAR, strict=True) if gold == 0]
    left_out = np.array([np.mean([right for film, right in of_label if film != name]) for name in sorted(set(films))])
    count = len(left_out)
    half = stats.t.ppf(0.975, count - 1) * np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum())
    assert recall["interval"]["lower"] == pytest.approx(6 / 8 - half)


def test_the_page_draws_it_and_both_books_agree(facts: dict[str, Any]) -> None:
    made = render(typed(facts), Path("nowhere"))
    assert "![Gold label and answer on reviews: base and LoRA, seed 1](figures/confusion-" in made["report.md"]
    for page in ("report.md", "report.html"):
        problems = check(made[page], facts)
        assert not problems, "\n".join(map(str, problems[:5]))


def test_a_wrong_number_in_the_drawing_is_found(facts: dict[str, Any]) -> None:
    html = render(typed(facts), Path("nowhere"))["report.html"]
    start = html.index("Gold label and answer on reviews")
    place = start + html[start:].index(">6</text>")
    assert check(html[: place + 1] + "5" + html[place + 2 :], facts)


def test_labels_that_are_numbers_are_not_taken_for_places(tmp_path: Path) -> None:
    """The target of the label "4" is its place, 3, which is the text of another label."""
    facts = collected(write_labelled(tmp_path, ["1", "2", "3", "4", "5"], GOLD, (ALWAYS_OKAY, NEAR)))
    before, after = facts["tasks"][0]["before"], facts["tasks"][0]["comparisons"][0]["after"]
    assert [side["diagnosis"]["choices"]["wrong"]["value"] for side in (before, after)] == [32, 8]
    named = after["diagnosis"]["choices"]
    assert (named["confused_gold"]["value"], named["confused_chosen"]["value"]) == ("“1”", "“2”")


def test_labels_that_no_file_names_are_the_choices_that_all_items_have(tmp_path: Path) -> None:
    """As of a task of somebody else's whose `doc_to_choice` is a template, and that has no metric of label pairs."""
    study = write_labelled(tmp_path, FIVE, GOLD, (ALWAYS_OKAY, NEAR))
    for name in ("base", "reviews-lora-seed1"):
        home = folder_of(study) / "scores" / name / "reviews"
        results = json.loads((home / "results.json").read_text(encoding="utf-8"))
        results["results"]["reviews"] = {"acc,none": results["results"]["reviews"]["acc,none"]}
        configuration = results["configs"]["reviews"]
        configuration["doc_to_choice"] = "{{moods}}"
        configuration["metadata"].pop("labels")
        (home / "results.json").write_text(json.dumps(results), encoding="utf-8")
        rows = [json.loads(line) for line in (home / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
        kept = ("doc_id", "doc", "doc_hash", "prompt_hash", "target_hash", "filtered_resps", "arguments", "target")
        rows = [{key: row[key] for key in (*kept, "filter", "acc")} for row in rows]
        (home / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    matrix = collected(study)["tasks"][0]["comparisons"][0]["after"]["matrix"]
    assert [label["value"] for label in matrix["labels"]] == FIVE
    assert [row["predicted"]["value"] for row in matrix["classes"]] == [6, 8, 8, 8, 10]
    assert matrix["overall"][0]["score"]["value"] == pytest.approx(f1_score(GOLD, NEAR, average="macro"))


def picture(facts: dict[str, Any]) -> Any:
    from report.page.figures import pictures

    return next(found for path, found in pictures(typed(facts)).items() if "confusion" in path)


def test_the_figure_has_a_row_for_each_label_and_no_word_over_another(facts: dict[str, Any]) -> None:
    found = picture(facts)
    assert found.columns == ("model", "gold label", *FIVE)
    assert found.rows[5] == ("fine-tuned", "awful", "6", "2", "0", "0", "0")
    assert "base: 8 of 40 answers are correct; fine-tuned: 32 of 40 answers are correct" in found.svg


def test_twenty_labels_of_thousands_stay_legible(tmp_path: Path) -> None:
    """Each number has the width of its digits: 8 pixels each, and the cell 8 more."""
    names = [f"a label with a long name, number {at}" for at in range(20)]
    gold = [at % 20 for at in range(ITEMS)]
    facts = collected(write_labelled(tmp_path, names, gold, (gold, gold[::-1])))
    for side in (facts["tasks"][0]["before"], facts["tasks"][0]["comparisons"][0]["after"]):
        side["matrix"]["counts"]["value"] = [[1234 if at == row else 7 for at in range(20)] for row in range(20)]
    found = picture(facts)
    width = float(re.findall(r'viewBox="0 0 ([\d.]+)', found.svg)[0])
    assert width >= 128 + 20 * (5 * 8 + 8)  # "1,234" has five signs
    heights = [float(y) for y in re.findall(r'<text[^>]* y="([\d.]+)"', found.svg)]
    assert not heights or max(heights) < float(re.findall(r'viewBox="0 0 [\d.]+ ([\d.]+)', found.svg)[0])


@pytest.mark.parametrize("count", [2, 21])
def test_two_labels_and_very_many_have_no_such_matrix(tmp_path: Path, count: int) -> None:
    names = [f"label {at}" for at in range(count)]
    gold = [at % count for at in range(ITEMS)]
    facts = collected(write_labelled(tmp_path, names, gold, (gold, gold)))
    assert "matrix" not in facts["tasks"][0]["before"]
