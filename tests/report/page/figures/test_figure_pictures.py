"""The page's figures on the synthetic study: which there are, that they are to scale, and that verify knows each."""

import copy
import json
import random
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from report.page.figures import Picture, pictures
from report.page.render import render
from tests.oracle import check
from tests.oracle.expected import Figure
from tests.oracle.matching import compare
from tests.oracle.outline import outline
from tests.oracle.page import read_page
from tests.report.sentences.test_random_facts import shaken
from tests.report.synthetic import findings_of, typed

NOWHERE = Path("nowhere")
"""A folder without sample files."""

OF_A_STUDY = {
    "score-reviews-lora-seed1-on-reviews",
    "score-passages-lora-seed1-on-passages",
    "parameters",
    "loss-reviews-lora-seed1",
    "loss-passages-lora-seed1",
    "changes-reviews-lora-seed1",
    "changes-passages-lora-seed1",
    "confusion-reviews-lora-seed1-on-reviews",
    "reliability-reviews-lora-seed1-on-reviews",
    "moves-reviews-lora-seed1-on-reviews",
    "distributions-passages-lora-seed1-on-passages",
    "moves-passages-lora-seed1-on-passages",
}


def named(facts: dict[str, Any], name: str) -> Picture:
    return pictures(typed(facts))[f"figures/{name}.svg"]


def boxes(svg: str, colour: str) -> list[tuple[float, float, float, float]]:
    """Returns left, top, width and height of every box of a colour, also where many share a path."""
    found = []
    for shape, style in re.findall(r'<path d="([^"]*)" style="([^"]*)"', svg):
        if f"fill: {colour};" in style + ";":
            for x, y, right, bottom in re.findall(r"M (\S+) (\S+) L \S+ \S+ L (\S+) (\S+) L \S+ \S+ z", shape):
                left, top = float(x), float(y)
                found.append((left, top, round(float(right) - left, 2), round(float(bottom) - top, 2)))
    return found


def test_every_figure_has_a_title_words_and_its_data(facts: dict[str, Any]) -> None:
    drawn = pictures(typed(facts))
    assert set(drawn) == {f"figures/{name}.svg" for name in OF_A_STUDY}
    for name, picture in drawn.items():
        root = ElementTree.fromstring(picture.svg)
        title, words = (root.find(f"{{http://www.w3.org/2000/svg}}{tag}") for tag in ("title", "desc"))
        assert title is not None
        assert title.text == picture.title
        assert words is not None
        assert words.text
        assert picture.rows or "/score-" in name, name  # its numbers stand beside it in the table
        assert all(len(row) == len(picture.columns) for row in picture.rows), name
        assert all(cell for row in picture.rows for cell in row), name
    ids = [found for picture in drawn.values() for found in re.findall(r' id="([^"]*)"', picture.svg)]
    assert len(ids) == len(set(ids)) == 2 * len(drawn)


def test_the_same_facts_give_the_same_bytes(long_facts: dict[str, Any]) -> None:
    again = json.loads(json.dumps(long_facts))
    assert {name: picture.svg for name, picture in pictures(typed(long_facts)).items()} == {
        name: picture.svg for name, picture in pictures(typed(again)).items()
    }


def test_a_drawing_of_the_scoreboard_is_to_scale(facts: dict[str, Any]) -> None:
    """The whole scale, from 0 to 1, is 206 pixels long from 7 on; an interval is 8 pixels high."""
    picture = named(facts, "score-reviews-lora-seed1-on-reviews")
    score = next(one for one in facts["tasks"][0]["comparisons"][0]["scores"] if one["primary"])
    for side, colour in (("before", "currentColor"), ("after", "#0072b2")):
        lower, upper = (min(1.0, max(0.0, score[side]["interval"][end])) for end in ("lower", "upper"))
        left, top, width, height = boxes(picture.svg, colour)[0]
        assert (top, height) == (9, 8)
        assert (left, width) == (pytest.approx(7 + 206 * lower, abs=0.1), pytest.approx(206 * (upper - lower), abs=0.2))
    assert picture.title == "accuracy on reviews: base and LoRA, seed 1"
    words = re.findall(r"<desc[^>]*>([^<]*)", picture.svg)[0]
    assert re.match(r"0\.500 \[.*\] before, 0\.950 \[.*\] after, trivial baseline 0\.500 \[", words)
    assert words.endswith("; the scale from 0.000 to 1.000")


def test_a_bag_of_words_has_a_tick_of_its_own(facts: dict[str, Any]) -> None:
    """A score of 0.75 stands at 7 + 206 · 0.75 pixels; the trivial baseline's tick, of 0.5, is dashed."""
    facts = copy.deepcopy(facts)
    comparison = facts["tasks"][0]["comparisons"][0]
    score = {**comparison["scores"][0]["after"], "value": 0.75}
    number = {"value": 200, "unit": "count", "source": score["source"]}
    name = {"value": "bag of words", "unit": "text", "source": score["source"]}
    comparison["simpler"] = {"name": name, "training_rows": number, "vocabulary": number, "score": score}
    comparison["simpler"] |= {"above_base": score, "tuned_above": score}
    picture = named(facts, "score-reviews-lora-seed1-on-reviews")
    assert ", bag of words 0.750 [" in re.findall(r"<desc[^>]*>([^<]*)", picture.svg)[0]
    dashed, whole = (line for line in re.findall(r"<p[^>]*>", picture.svg) if "#d55e00" in line)
    assert "dash" in dashed
    assert "dash" not in whole
    assert "161.5" in whole


def test_gold_label_and_answer(facts: dict[str, Any]) -> None:
    """The base model says positive of all 40; of the 20 and 20, the checkpoint is wrong once each."""
    picture = named(facts, "confusion-reviews-lora-seed1-on-reviews")
    assert picture.rows == (("base", "20", "0", "20", "0"), ("fine-tuned", "19", "1", "1", "19"))
    shares = re.findall(r'style="fill: (#\w{6}); opacity: ([\d.]+)"', picture.svg)[:6]
    right, wrong = "#0072b2", "#d55e00"
    # What is 0 has no colour: of the base model two cells.
    expected = [(right, 1.0), (wrong, 1.0), (right, 0.95), (wrong, 0.05), (wrong, 0.05), (right, 0.95)]
    assert [(colour, float(share)) for colour, share in shares] == [
        (colour, pytest.approx(0.55 * share, abs=0.006)) for colour, share in expected
    ]


def test_bands_are_as_broad_as_their_items_are_many(facts: dict[str, Any]) -> None:
    """Of 40 items 19 are both correct, 19 fixed, 1 broken, 1 both wrong; all of them are 150 pixels."""
    picture = named(facts, "moves-reviews-lora-seed1-on-reviews")
    assert picture.rows == (
        ("both correct", "19"),
        ("broken", "1"),
        ("fixed", "19"),
        ("both wrong", "1"),
    )
    bands = re.findall(
        r'd="M 108 (\S+) C \S+ \S+ \S+ \S+ 330 (\S+) L 330 (\S+) C \S+ \S+ \S+ \S+ 108 (\S+) z"', picture.svg
    )
    breadths = [
        (round(float(bottom) - float(top), 1), round(float(low) - float(high), 1)) for top, high, low, bottom in bands
    ]
    assert breadths == [(71.2, 71.2), (3.8, 3.8), (71.2, 71.2), (3.8, 3.8)]
    assert re.findall(r">((?:correct|both|wrong|fixed|broken)[^<]*)</text>", picture.svg) == [
        "correct: 20", "wrong: 20", "both correct: 19", "fixed: 19", "broken: 1", "both wrong: 1",
    ]  # fmt: skip


def test_words_of_thin_bands_do_not_run_into_each_other(facts: dict[str, Any]) -> None:
    lines = [
        float(y) for y in re.findall(r'x="346" y="([\d.]+)">', named(facts, "moves-reviews-lora-seed1-on-reviews").svg)
    ]
    assert all(below - above >= 16.9 for above, below in pairwise(lines))


def test_lengths_and_scores(facts: dict[str, Any]) -> None:
    """Every answer is of one word; the base model never abstains and is exact ten times, the checkpoint abstains ten
    times and is right 27 times of 30."""
    picture = named(facts, "distributions-passages-lora-seed1-on-passages")
    rows = {(what, span): counts for what, span, *counts in picture.rows}
    assert rows["answer length, words", "0"] == ["0", "10"]
    assert rows["answer length, words", "1"] == ["30", "20"]
    assert rows["token F1, 0 to 100", "0"] == ["20", "3"]
    assert rows["token F1, 0 to 100", "100"] == ["10", "27"]
    assert sum(int(count) for counts in rows.values() for count in counts) == 4 * 30
    assert list(dict.fromkeys(span for what, span in rows if what.startswith("answer"))) == [
        "0", "1", "2", "3", "4", "5", "6–10", "11–20", "21+",
    ]  # fmt: skip
    widths = {round(width, 1) for _, _, width, _ in boxes(picture.svg, "#0072b2")}
    # Of 30 words in an answer 48 pixels, and of 27 scores.
    assert widths == {16.0, 32.0, 5.3, 48.0}


def test_how_sure_and_how_often_right(facts: dict[str, Any]) -> None:
    """Every answer has the probability e / (e + 1) = 73.1 %."""
    picture = named(facts, "reliability-reviews-lora-seed1-on-reviews")
    assert picture.rows == (
        ("base", "70.0 % to 80.0 %", "40", "73.1 %", "50.0 %"),
        ("fine-tuned", "70.0 % to 80.0 %", "40", "73.1 %", "95.0 %"),
    )


def test_bars_of_parameters_are_on_one_scale(facts: dict[str, Any]) -> None:
    """Of 1,050 parameters, 452 pixels long: 600, 400 and 50 of the adapter, which alone was trained."""
    picture = named(facts, "parameters")
    assert [row for row in picture.rows if row[0] == "LoRA on reviews, seed 1"] == [
        ("LoRA on reviews, seed 1", "embeddings", "600", "0"),
        ("LoRA on reviews, seed 1", "attention", "400", "0"),
        ("LoRA on reviews, seed 1", "adapter", "50", "50"),
    ]
    grey = [(width, height) for _, _, width, height in boxes(picture.svg, "currentColor")]
    assert grey[:2] == [(258.29, 16), (172.19, 16)]
    assert [box for box in boxes(picture.svg, "#0072b2") if box[3] == 16] == [
        (444.48, 90, 21.52, 16),
        (444.48, 154, 21.52, 16),
    ]
    words = re.findall(r">([^<]*)</text>", picture.svg)
    assert words[:4] == ["small", "1,000 in total", "embeddings", "attention"]
    assert words[4:6] == ["LoRA on reviews, seed 1", "1,050 in total, 50 trained"]


def test_layers_are_shaded_by_how_much_they_changed(facts: dict[str, Any]) -> None:
    picture = named(facts, "changes-reviews-lora-seed1")
    assert picture.columns == ("layer", "q")
    assert picture.rows == (("0", "1.00 %"), ("1", "2.00 %"))
    assert re.findall(r">([^<]*)</text>", picture.svg) == [
        "layer",
        "0",
        "1",
        "q",
        "change",
        "0 %",
        "2.00 %",
        "not trained",
    ]


def test_loss_beside_that_of_the_development_split(long_facts: dict[str, Any]) -> None:
    picture = named(long_facts, "loss-reviews-lora-seed1")
    assert picture.columns == ("step", "training loss", "loss on the development split")
    assert picture.rows == (
        ("1", "2.500", "not noted"),
        ("5", "0.500", "0.900"),
        ("10", "0.250", "0.400"),
        ("13", "0.192", "0.450"),
    )


def test_accuracy_on_the_development_split(long_facts: dict[str, Any]) -> None:
    """12,345 tokens in 13 steps: 4,748 by step 5, 9,496 by step 10."""
    picture = named(long_facts, "development-reviews-lora-seed1")
    assert picture.rows == (("5", "4,748", "0.500"), ("10", "9,496", "0.750"), ("13", "12,345", "0.700"))
    kept = re.search(r'x="([\d.]+)" y="[\d.]+">kept</text>', picture.svg)
    assert kept is not None
    assert float(kept[1]) == pytest.approx(52 + 412 * 9496 / 12345 - 6, abs=0.01)


def test_scores_over_training_tokens(long_facts: dict[str, Any]) -> None:
    picture = named(long_facts, "tokens-reviews")
    assert [row[:3] for row in picture.rows] == [
        ("base", "base", "0"),
        ("reviews-lora-seed1", "lora", "12,345"),
        ("reviews-lora-seed2", "lora", "24,690"),
        ("reviews-full-seed1", "full", "24,690"),
    ]
    assert [row[3].partition(" ")[0] for row in picture.rows] == ["0.500", "0.950", "0.950", "1.000"]
    assert "figures/tokens-passages.svg" not in pictures(typed(long_facts))


def test_both_books_have_every_figure(facts: dict[str, Any], long_facts: dict[str, Any]) -> None:
    for known in (facts, long_facts):
        made = render(typed(known), NOWHERE)
        for page in ("report.md", "report.html"):
            problems = check(made[page], known)
            assert not problems, "\n".join(map(str, problems[:5]))


@pytest.mark.parametrize("seed", range(6))
def test_both_books_agree_on_facts_of_any_kind(facts: dict[str, Any], seed: int) -> None:
    known = shaken(facts, random.Random(seed))
    for task in known["tasks"]:
        for comparison in task["comparisons"]:
            if not comparison["transitions"]:
                comparison["figures"].pop("moves", None)
            if not any(score["primary"] for score in comparison["scores"]):
                comparison["figures"].pop("score", None)
    known["findings"] = findings_of(known)
    problems = check(render(typed(known), NOWHERE)["report.html"], known)
    assert not problems, "\n".join(map(str, problems[:5]))


def test_a_wrong_text_in_any_drawing_is_found(long_facts: dict[str, Any]) -> None:
    """One digit of each label, each description and each datum of every drawing is changed in turn."""
    html = render(typed(long_facts), NOWHERE)["report.html"]
    expected = [one for one in outline(long_facts) if isinstance(one, Figure)]
    figures = re.findall(r"<figure>.*?</figure>", html, flags=re.DOTALL)
    assert len(figures) == len(expected) == len([one for one in pictures(typed(long_facts)) if "/score-" not in one])
    for figure, licensed in zip(figures, expected, strict=True):
        assert not list(compare(read_page(f"<html>{figure}</html>").blocks, [licensed]))
        # The origin of an axis is left out: of 10,000 tokens 4 are too few to be missed between ticks.
        for part in (r"<text [^>]*>(?!0<)[^<]*?(\d)[^<]*<", r"<desc[^>]*>[^<]*?(\d)", r"<td>[^<]*?(\d)[^<]*</td>"):
            places = [found.start(1) for found in re.finditer(part, figure)]
            assert places, figure[:600]
            for place in places:
                wrong = f"{figure[:place]}{(int(figure[place]) + 4) % 10}{figure[place + 1 :]}"
                blocks = read_page(f"<html>{wrong}</html>").blocks
                assert list(compare(blocks, [licensed])), wrong[place - 200 : place + 50]


def test_a_figure_that_no_fact_has_is_found(facts: dict[str, Any]) -> None:
    markdown = render(typed(facts), NOWHERE)["report.md"]
    image = next(line for line in markdown.splitlines() if line.startswith("![Where items moved"))
    assert check(markdown.replace(image, ""), facts)
    assert check(markdown.replace(image, f"{image}\n\n{image}"), facts)
    assert check(markdown.replace(image, image.replace("moves-", "confusion-")), facts)
