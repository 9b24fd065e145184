"""The page of the benchmarks: every figure of it comes from the numbers that were measured."""

import json
from pathlib import Path

from typer.testing import CliRunner

from benchmarks.evaluation import Side, _differences, squad_set
from benchmarks.page import app, lines
from benchmarks.roofline import grouped

SIDES = {
    "hf": {"inference": [30.0, 36.0, 33.0], "whole": [40.0, 50.0, 44.0], "start": [9.0], "peak": [2_000_000_000]},
    "hf-shared": {"inference": [10.0, 9.0, 11.0], "whole": [16.0, 20.0, 11.0], "start": [4.0], "peak": [1_500_000_000]},
}
CASE = {
    **SIDES,
    "rows": 205,
    "batch": {"hf": 32, "hf-shared": 64},
    "inference_ratios": [3.0, 4.0, 3.0],
    "whole_ratios": [2.5, 2.5, 4.0],
    "differences": {"answers": 26, "scores": 23, "log_likelihood": 0.0},
}


def test_a_line_a_case() -> None:
    text = "\n".join(lines({"squad": CASE}, {}, "picture.svg"))
    (line,) = [line for line in text.splitlines() if line.startswith("| SQuAD")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:] == [
        "205",
        "32, 64",
        "3",
        "33.0 s, 10.0 s",
        "**3.00** (3.00 to 4.00)",
        "44.0 s, 16.0 s",
        "**2.50** (2.50 to 4.00)",
        "9.0 s, 4.0 s",
        "2.0, 1.5",
        "26 (23)",
    ]
    assert "How cost grows" not in text


def test_all_parts_and_the_picture(tmp_path: Path) -> None:
    point = {"what": "rows", "value": 109, "rows": 109, "tokens_read": 4000, "hf": 5.0, "hf-shared": 4.0}
    peer = {"inference_ratios": [2.0], "whole_ratios": [3.0], "whole": [1.0], "differ": ["a"]}
    profile = {"matrix products": 6.0, "attention": 2.0}
    speed, batch = {"operations_a_second": 4e11, "threads": 2}, {"lighteval": 64}
    numbers = {
        "evaluation": {"squad": CASE},
        "adapters": {"demo": {**CASE, "rows": 3504}},
        "float32": {"sst2": {**CASE, "differences": {"answers": 0, "scores": 0, "log_likelihood": 2.5e-5}}},
        "roofline": {"sst2": {**speed, "share": 0.55, "profile": profile, "profiled_seconds": 8.0}},
        "scaling": [point, {**point, "value": 218, "rows": 218, "hf": 10.0, "hf-shared": 8.0}],
        "peers": {"squad": {"rows": 205, "versions": {"lighteval": "0.13"}, "batch": batch, "lighteval": peer}},
        "statistics": [{"what": "facts", "cpu_s": 50.25, "wall_s": 51.0, "peak_mb": 1450.0, "paint_s": 0.5}],
    }
    for name, values in numbers.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(values))
    result = CliRunner().invoke(app, ["--numbers", str(tmp_path), "--output", str(tmp_path / "page.md")])
    assert result.exit_code == 0, result.output
    text = (tmp_path / "page.md").read_text()
    assert "| both demo tasks, base and two adapters | 3,504 |" in text
    assert "| SST-2, 872 sentences | 205 | 0 | 2.5e-05 |" in text
    assert "reaches 400 GFLOP/s here with 2 threads" in text
    assert "| SST-2, 872 sentences | **55%** | 75% | 25% |" in text
    assert "| rows: 218 | 218 | 10.0 | 8.0 | 1.25 | 4,000 |" in text
    assert "| lighteval 0.13 | 64 | 1 | **2.00** (2.00 to 2.00) | **3.00** (3.00 to 3.00) | 1 of 205 |" in text
    assert "| facts | 50.2 | 51.0 | 1,450 | paint_s 0.5 |" in text
    assert (tmp_path / "page.svg").read_text().startswith("<?xml")


def test_differences_are_choices_and_texts_and_those_that_change_a_score() -> None:
    def choice(doc: int, *values: float, acc: float) -> dict[str, object]:
        return {
            "doc_id": doc,
            "doc_hash": str(doc),
            "filtered_resps": [[str(value), "False"] for value in values],
            "metrics": ["acc"],
            "acc": acc,
        }

    one = Side(rows=[choice(0, -1.0, -2.0, acc=1.0), choice(1, -1.0, -1.5, acc=0.0)])
    other = Side(rows=[choice(0, -1.25, -2.0, acc=1.0), choice(1, -1.5, -1.25, acc=1.0)])
    assert _differences(one.rows, other.rows) == {"answers": 1, "scores": 1, "rows": [1], "log_likelihood": 0.5}


def test_the_squad_set_is_the_first_questions_of_a_passage_an_article(tmp_path: Path) -> None:
    def passage(questions: int) -> dict[str, object]:
        return {"qas": [{}] * questions}

    articles = [{"paragraphs": [passage(4), passage(6), passage(5)]}, {"paragraphs": [passage(3)]}]
    articles += [{"paragraphs": [passage(7)]}]
    (tmp_path / "squad1").mkdir()
    (tmp_path / "squad1" / "dev-v1.1.json").write_text(json.dumps({"data": articles}))
    assert squad_set(tmp_path) == [4, 5, 6, 7, 8, 18, 19, 20, 21, 22]
    assert squad_set(tmp_path, questions=2, of=7) == [18, 19]


def test_a_profile_is_grouped_by_what_operations_are_for() -> None:
    class Event:
        def __init__(self, key: str, microseconds: float) -> None:
            self.key, self.self_cpu_time_total = key, microseconds

    events = [
        Event("aten::mm", 2e6),
        Event("aten::_scaled_dot_product_flash_attention_for_cpu", 1e6),
        Event("aten::copy_", 5e5),
        Event("aten::silu", 5e5),
        Event("Optimizer.step", 9e9),
    ]
    found = grouped(events, 5.0)
    assert found["matrix products"] == 2.0
    assert found["attention"] == 1.0
    assert found["moving keys, values and tokens"] == 0.5
    assert found["element by element"] == 0.5
    assert found["Python, between operations"] == 1.0
