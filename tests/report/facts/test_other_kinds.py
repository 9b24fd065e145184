"""What is measured of choices, of generated answers and of texts, counted by hand; and the words for it."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from report.facts.choices import ChoiceItem, choice_item, choices_facts, named
from report.facts.measured import Measured
from report.facts.texts import generation_facts, texts_facts
from report.facts.values import missing
from report.page.build import build_report
from report.reading.results import Document, Scores
from report.verify.report import verify_report
from tests.oracle import check
from tests.report.other_kinds import write_other_kinds
from tests.report.synthetic import folder_of


def measured(rows: list[dict[str, Any]], **configuration: Any) -> Measured:
    rows = [{"doc_id": n, "doc": {}, "doc_hash": str(n), "filter": "none", **row} for n, row in enumerate(rows)]
    results = Document("results.json", "ab", {"results": {"t": {}}, "configs": {"t": configuration}})
    return Measured(Scores("t", results, Document("samples.jsonl", "cd", rows)), None)


def item(chosen: int, gold: int, texts: tuple[str, ...] = ("a", "b", "long one")) -> ChoiceItem:
    return ChoiceItem(texts, [0.0 if place == chosen else -1.0 for place in range(len(texts))], [gold])


def test_a_choice_is_read_from_a_row_whatever_its_target_looks_like() -> None:
    row = {"choices": [" yes", " no"], "filtered_resps": [["-2.0", "False"], ["-1.0", "True"]]}
    for target, golds in (("1", [1]), ("no", [1]), ("[0, 1]", [0, 1]), ("['yes']", [0])):
        found = choice_item(row | {"target": target})
        assert found is not None
        assert (found.chosen, list(found.golds)) == (1, golds)
    for damaged in ({"target": "maybe"}, {"target": "2"}, {"target": "1", "filtered_resps": [["x", "y"], ["-1", "F"]]}):
        assert choice_item(row | damaged) is None
    four = {"choices": ["a", "b", "a", "b"], "filtered_resps": [["-1", "F"], ["-2", "F"]], "target": "0"}
    found = choice_item(four)  # mutual information asks each choice twice
    assert found is not None
    assert found.right


def test_bias_to_a_place_and_to_a_length_are_beside_gold() -> None:
    # Chosen: place 2 eight times, place 0 twice. Gold: place 0 four times, 1 four times, 2 twice.
    items = [item(2, gold) for gold in (0, 0, 0, 1, 1, 1, 1, 2)] + [item(0, 0), item(0, 2)]
    found = choices_facts(measured([{}] * 10), items, missing("not counted"))
    assert (found.position.value, found.position_chosen.value, found.position_gold.value) == ("“long one”", 0.8, 0.2)
    assert found.position_bias.value == pytest.approx(0.6)
    assert found.position_bias.interval is not None
    assert found.position_bias.interval.confidence == pytest.approx(1 - 0.05 / 3)
    assert found.position_excess.value == 6
    assert found.wrong.value == 8
    assert (found.confused_gold.value, found.confused_chosen.value, found.confused.value) == ("“b”", "“long one”", 4)
    assert found.length_bias.missing == "all items have the same choices"  # type: ignore[union-attr]
    assert found.calibration.confidence is not None
    assert found.calibration.confidence.value == pytest.approx(1 / (1 + 2 * math.exp(-1)))


def test_where_choices_differ_places_have_numbers_and_the_longest_counts() -> None:
    items = [item(1, 0, (f"x{n}", "much longer", "z")) for n in range(6)] + [item(0, 0, ("as", "so")), item(1, 1)]
    found = choices_facts(measured([{}] * 8), items, missing("not counted"))
    assert named(1, items) == "position 2"
    assert (found.longest_chosen.value, found.longest_gold.value) == pytest.approx((6 / 7, 0))
    assert found.length_excess.value == 6
    assert found.length_excess.n == 7  # of the pair of equal length none is the longest


def test_outputs_are_counted_by_what_is_wrong_with_them() -> None:
    steps = [{"function": "regex", "fallback": "[none]"}, {"function": "take_first"}]
    said = ["#### 4", "no no no no no no", "", "четыре", "#### 4"]
    read = ["4", "[none]", "[none]", "[none]", "4"]
    rows = [
        {"output": output, "filtered_resps": [text], "target": "four", "exact_match": 0.0}
        for output, text in zip(said, read, strict=True)
    ]
    known = measured(rows, output_type="generate_until", filter_list=[{"name": "none", "filter": steps}])
    tokens = dict.fromkeys(("truncated", "cut_off", "most_tokens"), missing("not counted"))
    found = generation_facts(known, tokens)
    assert (found.unread.value, found.empty.value, found.repeated.value, found.same.value) == (2, 1, 1, 2)
    assert (found.other_script.value, found.other_script.n) == (1, 2)  # of those with letters
    assert (found.words.value, found.gold_words.value) == pytest.approx((11 / 5, 1))
    plain = measured(rows, output_type="generate_until", filter_list=[{"name": "none", "filter": steps[1:]}])
    assert generation_facts(plain, tokens).unread.missing == "the task takes outputs as they are"  # type: ignore[union-attr]


def test_where_the_loss_of_texts_lies() -> None:
    rows = [{"target": "a" * 10, "filtered_resps": [str(-10.0 if n else -110.0)]} for n in range(10)]
    found = texts_facts(measured(rows, output_type="loglikelihood_rolling"))
    assert found is not None
    assert (found.texts.value, found.costly.value) == (10, 1)
    assert (found.costly_loss.value, found.costly_bytes.value) == pytest.approx((110 / 200, 0.1))


def test_the_page_of_such_tasks_is_what_its_facts_and_files_give(tmp_path: Path) -> None:
    study = write_other_kinds(tmp_path)
    build_report(study, output=folder_of(study))
    facts = (folder_of(study) / "facts.json").read_text(encoding="utf-8")
    page = (folder_of(study) / "report.md").read_text(encoding="utf-8")
    assert check(page, json.loads(facts)) == []
    assert verify_report(folder_of(study) / "report.md").problems == []
    assert "the filter extracted nothing from" in page
    assert "better than taking all bytes for alike likely: lower is better" in page
    assert "no cause was measured" not in page
