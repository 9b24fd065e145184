"""The comparison's page: whole tables, hostile text that stays text, light modules, and lm_eval's own folders."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from report.compare.comparison_facts import comparison_facts
from report.compare.comparison_page import comparison_files
from report.compare.output import compare_results
from tests.report.compare.lm_eval_folders import right, write_folder

PAYLOADS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "[a](javascript:alert(1))",
    "![a](https://example.org/x.png)",
    "{{ 7 * 7 }} {% set a = 1 %}",
    "a | b | c",
    "`code` **bold** <!-- comment",
    "</title></svg><svg onload=alert(1)>",
    "=cmd|' /C calc'!A0",
    "\\\\ \\| \\`",
    "a\n\n# heading\n\n- list",
    "\u202eright to left\u202c \u200bhidden",
    "broken \ud800 surrogate",
    "https://example.org/?a=<b>",
    "&lt;script&gt;",
    "\ue000" + "1" + "\ue001" + "marked" + "\ue002",
]


class Tags(HTMLParser):
    """Counts elements and keeps the names and values of attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def pages(root: Path) -> dict[str, str]:
    return comparison_files(comparison_facts([root]))


def assert_whole_tables(markdown: str) -> None:
    """Every row of a table has as many cells as its head, and no cell is empty."""
    width = 0
    for line in markdown.splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = re.split(r"(?<!\\)\|", re.sub(r"\\\\", "", line))[1:-1]
        width = width or len(cells)
        assert len(cells) == width, line
        assert all(cell.strip() for cell in cells), line


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_stays_text(tmp_path: Path, payload: str) -> None:
    task = payload.replace("/", "∕")
    for number in (1, 2):
        file = write_folder(
            tmp_path, f"m{number}", {"even": right(90 - number, 100)}, metadata={"about": payload}, samples=False
        )
        content = json.loads(file.read_text())
        content["results"] = {task: content["results"]["even"] | {f"{payload.replace(',', ' ')},none": 0.5}}
        for key in ("configs", "versions", "n-shot", "higher_is_better", "n-samples"):
            content[key] = {task: content[key]["even"]}
        content["versions"][task] = content["lm_eval_version"] = payload
        content["config"] |= {"device": payload, "model_dtype": payload, "model": payload}
        content["model_name"] = content["config"]["model_args"]["pretrained"] = f"{payload} {number}"
        file.write_text(json.dumps(content))
    made = pages(tmp_path)
    assert_whole_tables(made["compare.md"])
    for name, text in made.items():
        text.encode("utf-8")
        assert "\u202e" not in text, name
        assert "{{ 7 * 7 }}" in text or "7 * 7" not in payload or name.endswith(".html")
    for name in ("compare.html", *(name for name in made if name.endswith(".svg"))):
        found = Tags()
        found.feed(made[name])
        assert found.tags.count("script") == name.endswith(".html")  # ours, which sorts
        assert not {"img", "iframe", "object", "embed", "link"} & set(found.tags), name
        assert not [key for key, _ in found.attributes if key.startswith("on")], name
        links = [value or "" for key, value in found.attributes if key in ("href", "src", "xlink:href")]
        assert all(link.startswith("#") for link in links), links


def test_the_page_is_whole(tmp_path: Path) -> None:
    for number, right_ones in enumerate((90, 88, 20)):
        write_folder(tmp_path, f"m{number}", {"even": right(right_ones, 100), "odd": right(right_ones, 100)})
    made = pages(tmp_path)
    assert sorted(made) == ["compare.html", "compare.md", "figures/compare-1.svg", "figures/compare-2.svg"]
    assert_whole_tables(made["compare.md"])
    assert "| 1. m0 | – | not significant +0.020 | better +0.700 |" in made["compare.md"]
    tied = "**statistically tied for first**"
    second = f"| 1 to 2 | m1 | 0.880 [0.802, 0.930] | {tied} | 100 | 100 | lm_eval 0.4.13 |"
    assert f"{second}\n| 3 | m2 |" in made["compare.md"]
    assert "| 3 | m2 | 0.200 [0.133, 0.289] | behind | 100 | 100 |" in made["compare.md"]
    assert "| m1 | Wilson |" in made["compare.md"]
    found = Tags()
    found.feed(made["compare.html"])
    assert found.tags.count("svg") == 2
    assert {("class", name) for name in ("better", "worse", "not")} <= set(found.attributes)
    for text in made.values():
        assert not re.search(r"\b(None|nan|Undefined)\b", text)
    loading = [key for key, _ in found.attributes if key in ("src", "srcset", "data", "action")]
    assert (loading, "@import" in made["compare.html"]) == ([], False)


def test_rendering_from_facts_imports_nothing_heavy(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", "one", {"even": right(3, 4)})
    compare_results([tmp_path / "in"], output=tmp_path / "out")
    program = (
        "import json, sys\n"
        "from report.compare.comparison_page import comparison_files\n"
        "from report.facts.schema.compared import ComparedModels\n"
        "pages = comparison_files(ComparedModels.model_validate(json.load(open(sys.argv[1]))))\n"
        "heavy = {'torch', 'transformers', 'evaluate', 'scipy', 'lm_eval'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print(pages['compare.md'], end='')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "out" / "compare.json")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "out" / "compare.md").read_text()


TASK = """task: parity_{name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/{name}.jsonl}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{q}}}}\\nAnswer:"
doc_to_target: a
doc_to_choice: ["yes", "no"]
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
"""
GROUP = """group: parity
task: [parity_even, parity_odd]
aggregate_metric_list: [{metric: acc, weight_by_size: true}]
metadata: {version: 1.0}
"""


def test_folders_that_stock_lm_eval_wrote_with_tasks_of_its_own_kind(tmp_path: Path, tiny_model: Path) -> None:
    import lm_eval
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    from studies.tiny_model import write_tiny_model

    for name, n in (("even", 12), ("odd", 8)):
        rows = [{"q": f"Is {number} {name}?", "a": (number + (name == "odd")) % 2} for number in range(n)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (tmp_path / f"{name}.yaml").write_text(TASK.format(name=name, folder=tmp_path))
    (tmp_path / "parity.yaml").write_text(GROUP)
    manager = TaskManager(include_path=str(tmp_path), include_defaults=False)
    for model in (tiny_model, write_tiny_model(tmp_path / "other", seed=3)):
        # What the `lm_eval` command does after its arguments are read.
        tracker = EvaluationTracker(output_path=str(tmp_path / "out"))
        arguments: dict[str, Any] = {"pretrained": str(model), "dtype": "float32"}
        results = lm_eval.simple_evaluate(
            model="hf",
            model_args=arguments,
            tasks=["parity"],
            device="cpu",
            batch_size=4,
            task_manager=manager,
            evaluation_tracker=tracker,
            bootstrap_iters=0,
        )
        assert results is not None
        samples = results.pop("samples")
        tracker.save_results_aggregated(results=results, samples=samples)
        for task in results["configs"]:
            tracker.save_results_samples(task_name=task, samples=samples[task])
    facts = compare_results([tmp_path / "out"], output=tmp_path / "page").as_json()
    boards = {task["key"]: {board["key"]: board for board in task["boards"]} for task in facts["tasks"]}
    assert set(boards) == {"parity", "parity_even", "parity_odd"}
    assert set(boards["parity_even"]) == {"acc,none", "acc_norm,none"}
    for task, n in (("parity_even", 12), ("parity_odd", 8), ("parity", 20)):
        board = boards[task]["acc,none"]
        assert [row["score"]["n"] for row in board["rows"]] == [n, n]
        assert board["pairs"][0]["unpaired"] is None
        assert board["pairs"][0]["flags"] == []
    assert str(tmp_path) not in (tmp_path / "page" / "compare.json").read_text()
    assert_whole_tables((tmp_path / "page" / "compare.md").read_text())


class Folds(HTMLParser):
    """Notes what each summary says, and how deep its fold lies; how deep everything is at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.depth, self.within, self.folds = 0, False, list[tuple[int, str]]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag == "details"
        self.within = tag == "summary" and ("class", "parts") not in attrs

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "details"
        assert self.depth >= 0

    def handle_data(self, data: str) -> None:
        if self.within and data.strip():
            self.folds.append((self.depth, data))
            self.within = False


FOLDED = {
    "Pairwise comparisons",
    "Recipes with several seeds",
    "Other metrics",
    "What the scores cost",
    "Settings, methods and sources",
    "How intervals, ranks and times are to be read",
    "Where each model's results were found",
}


def test_the_scoreboard_is_open_and_what_backs_it_is_folded(tmp_path: Path) -> None:
    for number, right_ones in enumerate((90, 88)):
        write_folder(tmp_path, f"m{number}", {"even": right(right_ones, 100), "odd": right(right_ones, 100)})
    made = pages(tmp_path)
    visible, folds = re.sub(r"<details>.*?</details>", "", made["compare.md"], flags=re.DOTALL), Folds()
    heads = [line for line, below in pairwise(visible.splitlines()) if below.startswith("|:")]
    assert heads == [
        "| task | metric | first, or statistically tied for first | models |",
        *["| rank | model | acc, 95 % interval | standing | items | clusters | scored by |"] * 2,
    ]
    assert all(line.count("|") <= 8 for line in heads)
    sentences = re.findall(r"[A-Z][^.|\n]{30,}\.", made["compare.md"])
    assert sentences.count(next(line for line in sentences if "statistically tied" in line)) == 1
    folds.feed(made["compare.html"])
    assert {title for _, title in folds.folds} <= FOLDED
    for title in ("Pairwise comparisons", "What the scores cost", "Settings, methods and sources"):
        assert [found for _, found in folds.folds].count(title) == 2
    assert "&lt;details" not in made["compare.html"]
    assert "who beats whom" not in made["compare.md"].lower()


def test_a_groups_parts_are_folded_below_it_and_nothing_else_is(tmp_path: Path) -> None:
    subjects = [f"mmlu_{n:02d}" for n in range(57)]
    for model in ("org/one", "org/two"):
        tasks = {task: right(3 + n % 5, 10) for n, task in enumerate([*subjects, "arc"])}
        write_folder(tmp_path, model, tasks, groups={"mmlu": subjects, "stem": subjects[:20]}, samples=False)
    made = pages(tmp_path)
    assert_whole_tables(made["compare.md"])
    heads = re.findall(r"^(#{2,4}) (.*)", made["compare.md"], re.MULTILINE)
    outer = [title for marks, title in heads if marks == "##"]
    assert outer == ["Overview", "Task: arc", "Task: mmlu", "Models and methods"]
    overview = made["compare.md"].partition("## Task")[0]
    assert overview.count("\n| mmlu") == 1
    folds = Folds()
    folds.feed(made["compare.html"])
    assert folds.depth == 0
    parts = [*subjects[20:], "stem", *subjects[:20]]
    named = [(depth, title) for depth, title in folds.folds if title not in FOLDED]
    assert named == [(1, "Parts of mmlu"), *((2, part) for part in parts)]
    places = re.findall(r' id="([^"]+)"', made["compare.html"])
    assert set(re.findall(r' href="#([^"]+)"', made["compare.html"])) <= set(places)
    assert not re.search(r"<summary[^>]*>[^\n]*<a ", made["compare.html"])


def test_long_names_keep_their_ends(tmp_path: Path) -> None:
    long = "organisation/a-model-with-a-very-long-name-of-which-only-the-end-says-anything-q{}"
    for number in (4, 8):
        write_folder(tmp_path, long.format(number), {"even": right(80 + number, 100)}, samples=False)
    made = pages(tmp_path)
    drawn = re.findall(r">(organ[^<]+…[^<]+)</text>", made["figures/compare-1.svg"])
    assert [name[-3:] for name in drawn] == ["-q8", "-q4"]
    assert all(len(name) <= 38 for name in drawn)  # at 12.5 px a letter is some 7.5 px wide, and 288 px are free


def test_pictures_have_round_numbers_along_their_axes_and_say_who_is_tied(tmp_path: Path) -> None:
    """Of 0.90, 0.88 and 0.20: the first two are tied for the first place, the third is not."""
    for number, right_ones in enumerate((90, 88, 20)):
        file = write_folder(tmp_path, f"m{number}", {"even": right(right_ones, 100)})
        content = json.loads(file.read_text())
        content["config"]["model_num_parameters"] = (135_000_000, 1_240_000_000, 3_400_000_000)[number]
        file.write_text(json.dumps(content))
    made = pages(tmp_path)
    texts = {name: re.findall(r">([^<]*)</text>", text) for name, text in made.items() if name.endswith(".svg")}
    board = texts["figures/compare-1.svg"]
    assert board[:6] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
    assert board[6:] == ["m0", "0.900, tied for first", "m1", "0.880, tied for first", "m2", "0.200", "acc (0 to 1)"]
    cost = texts["figures/compare-1-parameters.svg"]
    assert [text for text in cost if re.fullmatch(r"[\d.]+", text)][6:] == ["0.1", "0.2", "0.5", "1", "2", "5"]
    assert {"acc (0 to 1)", "parameters of the model (billions), logarithmic"} <= set(cost)
