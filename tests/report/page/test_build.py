"""`aftertune build` on hand-made results: what the facts are, what is refused, and what is written."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from harness_tasks import UserError
from report.__main__ import app
from report.page.build import build_report
from tests.report.synthetic import (
    ALL_WRONG,
    ALWAYS_POSITIVE,
    GOLD,
    NEVER_ABSTAINS,
    TWO_WRONG,
    change_json,
    folder_of,
    write_study,
)


def built(study: Path) -> tuple[dict[str, Any], str, str]:
    """Returns facts, Markdown and HTML after a build."""
    folder = folder_of(study)
    build_report(study, output=folder)
    texts = [(folder / name).read_text(encoding="utf-8") for name in ("facts.json", "report.md", "report.html")]
    return json.loads(texts[0]), texts[1], texts[2]


def scores(facts: dict[str, Any], task: int, side: str) -> dict[str, float]:
    return {row["metric"]: row[side]["value"] for row in facts["tasks"][task]["comparisons"][0]["scores"]}


def test_scores_floors_and_transitions_are_the_hand_computed_ones(tmp_path: Path) -> None:
    facts, _, _ = built(write_study(tmp_path))
    # Always positive on 20 + 20: precision 0.5, recall 1, F1 2/3. Two wrong: 19, 1, 1, 19; MCC (361 - 1) / 400.
    # The chosen label is e times as probable as the other: with half of the items right the Brier score is the mean
    # of 0.2689² and 0.7311², and the calibration error 0.7311 − 0.5.
    assert scores(facts, 0, "before") == pytest.approx(
        {"acc": 0.5, "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "mcc": 0.0, "brier": 0.303388, "ece": 0.231059},
        abs=1e-6,
    )
    assert scores(facts, 0, "after") == pytest.approx(
        {"acc": 0.95, "precision": 0.95, "recall": 0.95, "f1": 0.95, "mcc": 0.9, "brier": 0.095435, "ece": 0.218941},
        abs=1e-6,
    )
    assert scores(facts, 0, "difference")["acc"] == pytest.approx(0.45)
    reviews, passages = (task["comparisons"][0] for task in facts["tasks"])
    moved = {key: fact["value"] for key, fact in reviews["transitions"].items() if key != "label"}
    assert moved == {"fixed": 19, "broken": 1, "both_right": 19, "both_wrong": 1}
    found = facts["tasks"][0]["before"]["diagnosis"]["classification"]
    assert [found[key]["value"] for key in ("true_positive", "false_positive", "predicted_share")] == [20, 20, 1.0]
    assert facts["tasks"][0]["floor"]["score"]["value"] == 0.5
    # Passages: 10 of 30 questions have no answer, so abstaining always scores a third.
    assert scores(facts, 1, "before")["f1"] == pytest.approx(100 / 3)
    assert scores(facts, 1, "after")["f1"] == pytest.approx(90)
    assert facts["tasks"][1]["floor"]["score"]["value"] == pytest.approx(100 / 3)
    abstained = passages["after"]["diagnosis"]["extraction"]
    shares = [abstained[key]["value"] for key in ("abstained", "abstained_answerable", "abstained_unanswerable")]
    assert shares == pytest.approx([10 / 30, 1 / 20, 9 / 10])


def test_a_score_carries_interval_items_clusters_and_where_it_stands(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    score = built(study)[0]["tasks"][1]["comparisons"][0]["scores"][2]["after"]
    assert (score["n"], score["clusters"], score["unit"]) == (20, 10, "points")
    assert score["interval"]["lower"] < score["value"] < score["interval"]["upper"]
    assert score["interval"]["confidence"] == 0.95
    source = score["source"]
    assert source["pointer"] == "/results/passages/HasAns_exact,none"
    results = json.loads((folder_of(study) / source["file"]).read_text())
    assert results["results"]["passages"]["HasAns_exact,none"] == score["value"]
    assert score["also"][0]["file"] == "scores/passages-lora-seed1/passages/samples.jsonl"


def test_the_page_has_the_seven_answers_and_no_hole(tmp_path: Path) -> None:
    _, markdown, html = built(write_study(tmp_path))
    titles = [line for line in markdown.splitlines() if line.startswith("## ")]
    assert [title.split(":")[0] for title in titles[:7]] == [f"## Answer {n}" for n in range(1, 8)]
    assert titles[-3:] == ["## Limits", "## Contributions", "## How to reproduce"]
    assert "### a. " in markdown
    assert "### b. " in markdown
    assert "### c. " in markdown
    assert_no_hole(markdown, html)
    assert html.count("<svg") == 12
    assert 'aria-labelledby="loss1-title loss1-desc"' in html


def assert_no_hole(markdown: str, html: str) -> None:
    html = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    for text in (markdown, html):
        found = re.search(r"\b(None|nan|NaN|TODO|Undefined)\b", text)
        assert not found, text[max(0, found.start() - 200) : found.end() + 50]
    for line in markdown.splitlines():
        if line.startswith("|") and set(line) - set("|:- "):
            cells = [cell.strip() for cell in line.replace("\\|", "").strip("|").split("|")]
            assert all(cells[1:]), line
    assert "<td></td>" not in html
    for loader in ("src=", "<link", "@import", "url(http", "<iframe", "fetch(", "XMLHttpRequest", "import("):
        assert loader not in html, loader


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    folder = folder_of(study)
    first = {path: path.read_bytes() for path in build_report(study, output=folder)}
    again = {path: path.read_bytes() for path in build_report(study, output=folder)}
    assert first == again
    assert len(first) == 21


def test_facts_only_writes_no_page(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    written = build_report(study, output=folder_of(study), facts_only=True)
    assert written == [folder_of(study) / name for name in ("facts.json", "trial.yaml")]
    assert not (folder_of(study) / "report.md").exists()


@pytest.mark.parametrize(
    ("after", "headline", "analysis"),
    [
        (TWO_WRONG, "improves accuracy: it rises from 0.500", "Higher after fine-tuning: accuracy"),
        (ALL_WRONG, "makes accuracy worse: it falls from 0.500", "Lower after fine-tuning: accuracy"),
        (ALWAYS_POSITIVE, "accuracy is the same before and after", "The same before and after: accuracy"),
        # One item more is right: 0.525, and an interval that holds 0.
        ([1, 0, *[1] * 38], "no clear difference in accuracy", "No clear difference: accuracy"),
    ],
)
def test_the_words_follow_the_interval(tmp_path: Path, after: list[int], headline: str, analysis: str) -> None:
    _, markdown, html = built(write_study(tmp_path, reviews=(ALWAYS_POSITIVE, after)))
    lines = markdown.splitlines()
    about = [line for line in lines if line.startswith("On `reviews`, ")]
    assert headline in about[0]
    assert any(analysis in line for line in lines)
    if after is not TWO_WRONG:
        assert not any("improves" in line or "it rises" in line for line in about)
    assert_no_hole(markdown, html)


def test_equal_counts_are_never_called_different(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    ledger = folder_of(study) / "parameters"
    full = json.loads((ledger / "base.json").read_text())
    change_json(ledger / "reviews-lora-seed1.json", **full)
    _, markdown, _ = built(study)
    own = [line for line in markdown.splitlines() if "In LoRA on reviews, seed 1, the count is" in line]
    assert own
    assert all("the count is the base model's, 1,000" in line and "differ" not in line for line in own)
    assert "In LoRA on reviews, seed 1, all 1,000 parameters were trained." in markdown
    other = [line for line in markdown.splitlines() if "In LoRA on passages, seed 1, the count is" in line]
    assert other
    assert all("the two differ by exactly the 50 parameters that fine-tuning added" in line for line in other)


def test_an_untrained_checkpoint_is_missing_and_says_why(tmp_path: Path) -> None:
    facts, markdown, html = built(write_study(tmp_path, reviews=(ALWAYS_POSITIVE, None)))
    assert "missing (it has not been trained: there is no checkpoints/reviews-lora-seed1)" in markdown
    assert "what fine-tuning did (LoRA, seed 1) is not known" in markdown
    assert "value" not in facts["tasks"][0]["comparisons"][0]["scores"][0]["after"]
    assert_no_hole(markdown, html)


def test_an_unscored_base_model_is_missing_and_says_why(tmp_path: Path) -> None:
    _, markdown, html = built(write_study(tmp_path, reviews=(None, TWO_WRONG), passages=(None, None)))
    assert "missing (the base model has not been scored)" in markdown
    assert "missing (it has not been scored: there is no scores/base/passages)" in markdown
    assert "improves" not in markdown
    assert_no_hole(markdown, html)


def test_a_folder_that_a_step_has_not_filled_yet_counts_as_not_begun(tmp_path: Path) -> None:
    study = write_study(tmp_path, passages=(NEVER_ABSTAINS, None))
    for home in ("scores/passages-lora-seed1/passages", "checkpoints/passages-lora-seed1"):
        (folder_of(study) / home).mkdir(parents=True)
    _, markdown, _ = built(study)
    assert "On `passages`, what fine-tuning did (LoRA, seed 1) is not known" in markdown


def test_the_size_is_the_counted_one_where_the_card_has_none(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    card = json.loads((folder_of(study) / "model.json").read_text())
    del card["parameters"]
    (folder_of(study) / "model.json").write_text(json.dumps(card))
    facts, markdown, _ = built(study)
    assert "| parameters | 1,000 |" in markdown
    assert facts["model"]["parameters"]["source"]["file"] == "parameters/base.json"


def set_in_results(study: Path, checkpoint: str, task: str, change: Any) -> None:
    path = folder_of(study) / "scores" / checkpoint / task / "results.json"
    results = json.loads(path.read_text())
    change(results)
    path.write_text(json.dumps(results))


def change_rows(study: Path, checkpoint: str, task: str, change: Any) -> None:
    path = folder_of(study) / "scores" / checkpoint / task / "samples.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        change(row)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("version", "the task's version differs: 1.0 for the base model, 2.0 for the checkpoint"),
        ("prompt", "the prompts were rendered in different ways before and after fine-tuning"),
        ("training", "the checkpoint was trained on prompts rendered in another way than the scored ones"),
        ("items", "the scored items differ: 39 are the same, of 40 before and 40 after fine-tuning"),
        ("item prompts", "the prompts of 1 items differ before and after fine-tuning"),
    ],
)
def test_pairs_that_do_not_match_are_not_compared(tmp_path: Path, change: str, reason: str) -> None:
    study, name, task = write_study(tmp_path), "reviews-lora-seed1", "reviews"
    if change == "version":
        set_in_results(study, name, task, lambda r: r["versions"].update(reviews=2.0))
    elif change == "prompt":
        set_in_results(study, name, task, lambda r: r["configs"][task].update(doc_to_text="Rate: {{text}}"))
    elif change == "training":
        change_json(folder_of(study) / "checkpoints" / name / "finetune.json", render={"hash": "0" * 64})
    else:
        key = "doc_hash" if change == "items" else "prompt_hash"
        change_rows(study, name, task, lambda row: row.update({key: "other"} if row["doc_id"] == 7 else {}))
    _, markdown, html = built(study)
    headline = next(line for line in markdown.splitlines() if line.startswith("On `reviews`"))
    assert headline == f"On `reviews`, base and fine-tuned model (LoRA, seed 1) are not compared: {reason}."
    assert "> **Warning.** On `reviews`, the scores of LoRA, seed 1 are not compared" in markdown
    assert 'class="warning"' in html
    assert_no_hole(markdown, html)


def test_items_are_paired_by_hash_not_by_number(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    plain = built(study)[0]["tasks"][0]["comparisons"][0]
    change_rows(study, "reviews-lora-seed1", "reviews", lambda row: row.update(doc_id=39 - row["doc_id"]))
    turned = built(study)[0]["tasks"][0]["comparisons"][0]
    for key in ("fixed", "broken", "both_right", "both_wrong"):
        assert turned["transitions"][key]["value"] == plain["transitions"][key]["value"]
    one, two = (found["scores"][0]["difference"]["interval"] for found in (plain, turned))
    assert one == pytest.approx(two)


def test_the_first_filter_counts(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    path = folder_of(study) / "scores" / "base" / "reviews" / "samples.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(r) + "\n" for row in rows for r in (row, {**row, "filter": "b", "acc": 0.25})))
    assert built(study)[0]["tasks"][0]["scored"]["value"] == 40


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("half", "scores/base/reviews/results.json is not complete JSON"),
        ("NaN", "scores/base/reviews/results.json holds a bare NaN"),
        ("other task", "scores/base/reviews/results.json has no scores of reviews"),
        ("disagree", "results.json says acc = 0.6, its samples give 0.5"),
        ("no samples", "scores/base/reviews/samples.jsonl is missing"),
        ("empty samples", "scores/base/reviews/samples.jsonl holds no scored item"),
        ("half a row", "line 40 of lm_eval's samples scores/base/reviews/samples.jsonl is not complete JSON"),
        ("no cluster", "item 0 of scores/base/reviews/samples.jsonl has no field `film`"),
        ("no model", "model.json is missing"),
        ("half a recipe", "finetune.json is not complete JSON"),
        ("wrong closed form", "parameters/base.json: embeddings counts 600, its closed form gives 601"),
        ("wrong sum", "parameters/base.json: the components sum to 1000, the total says 1001"),
        ("two sizes", "model.json says 999 parameters, parameters/base.json counts 1000"),
        ("no scores", "holds no scores"),
    ],
)
def test_damaged_input_is_an_error_in_three_parts_and_writes_nothing(tmp_path: Path, damage: str, found: str) -> None:
    study = write_study(tmp_path)
    folder = folder_of(study)
    results, samples = (folder / "scores/base/reviews" / name for name in ("results.json", "samples.jsonl"))
    if damage == "half":
        results.write_text(results.read_text()[:-300])
    elif damage == "NaN":
        results.write_text(results.read_text().replace('"acc,none": 0.5', '"acc,none": NaN'))
    elif damage == "disagree":
        results.write_text(results.read_text().replace('"acc,none": 0.5', '"acc,none": 0.6'))
    elif damage == "other task":
        change_json(results, results={"sst2": {}})
    elif damage == "no samples":
        samples.unlink()
    elif damage == "empty samples":
        samples.write_text("")
    elif damage == "half a row":
        samples.write_text(samples.read_text()[:-20])
    elif damage == "no cluster":
        change_rows(study, "base", "reviews", lambda row: row["doc"].pop("film"))
    elif damage == "no model":
        (folder / "model.json").unlink()
    elif damage == "half a recipe":
        record = folder / "checkpoints/reviews-lora-seed1/finetune.json"
        record.write_text(record.read_text()[:100])
    elif damage == "wrong closed form":
        base = folder / "parameters/base.json"
        base.write_text(base.read_text().replace('"closed_form": 600', '"closed_form": 601'))
    elif damage == "wrong sum":
        change_json(folder / "parameters/base.json", total=1001)
    elif damage == "two sizes":
        change_json(folder / "model.json", parameters=999)
    else:
        (folder / "scores").rename(folder / "elsewhere")
    result = CliRunner().invoke(app, ["build", str(study), "--output", str(folder)])
    assert result.exit_code == 2
    parts = result.stderr.splitlines()
    assert parts[0].startswith("Found: ")
    assert found in parts[0]
    assert parts[1].startswith("Why it matters: ")
    assert parts[2].startswith("To mend it: ")
    assert not (folder / "facts.json").exists()
    assert not (folder / "report.md").exists()


def test_the_command_names_what_it_wrote_and_unknown_studies_exit_2(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    result = CliRunner().invoke(app, ["build", str(study), "--output", str(folder_of(study))])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [str(folder_of(study) / name) for name in ("facts.json", "report.md")]
    assert CliRunner().invoke(app, ["build", str(tmp_path / "none.yaml")]).exit_code == 2


def test_overlapping_training_data_is_warned_of(tmp_path: Path) -> None:
    study = write_study(tmp_path, passages=(NEVER_ABSTAINS, None))
    # The checkpoint that was trained on the reviews is scored on the passages as well.
    home = folder_of(study) / "scores"
    source = home / "base" / "passages"
    copy = home / "reviews-lora-seed1" / "passages"
    copy.mkdir(parents=True)
    for name in ("results.json", "samples.jsonl"):
        (copy / name).write_bytes((source / name).read_bytes())
    quiet = built(study)[1]
    assert "the two overlap" not in quiet
    metadata = {"overlaps_with": ["pass*"]}
    set_in_results(study, "base", "reviews", lambda r: r["configs"]["reviews"]["metadata"].update(metadata))
    _, markdown, _ = built(study)
    assert "LoRA on reviews, seed 1 was trained on `reviews` and is scored on `passages`: the two overlap" in markdown


def test_limits_number_formats_and_undeclared_clusters_are_said(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    set_in_results(study, "base", "reviews", lambda r: r["n-samples"]["reviews"].update(original=1000))
    set_in_results(study, "base", "passages", lambda r: r["configs"]["passages"]["metadata"].pop("cluster"))
    set_in_results(study, "base", "passages", lambda r: r["config"].update(model_dtype="torch.bfloat16"))
    for name, model in (("base", "hf"), ("reviews-lora-seed1", "hf-seqcls")):
        set_in_results(study, name, "reviews", lambda r, model=model: r["config"].update(model=model))
    markdown = built(study)[1]
    assert (
        "On `reviews`, the base model answered by lm_eval's class `hf` and LoRA, seed 1 by `hf-seqcls`: "
        "a checkpoint of that class has a head that the base model has not" in markdown
    )
    assert "On `reviews`, 40 of 1,000 items were scored: the study sets a limit." in markdown
    assert "`passages` declares no cluster: its items count as independent" in markdown
    assert "the base model was scored in torch.bfloat16 and LoRA, seed 1 in torch.float32" in markdown
    assert "the intervals cover the sampling of items only" in markdown


def test_hub_links_are_shown_only_where_they_were_checked(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    checked = {"repo": "a/b", "url": "https://huggingface.co/a/b", "commit": "c" * 40, "checked_at": "2026-11-24"}
    unchecked = {"repo": "a/c", "url": "https://huggingface.co/a/c", "commit": "c" * 40, "checked_at": None}
    hub = {"reviews-lora-seed1": checked, "passages-lora-seed1": unchecked}
    (folder_of(study) / "hub.json").write_text(json.dumps(hub))
    _, markdown, html = built(study)
    assert '<a href="https://huggingface.co/a/b">' in html
    assert "Published on the Hugging Face Hub: 1 of 2 checkpoints." in markdown
    assert "| LoRA on reviews, seed 1 | <https://huggingface.co/a/b>" in markdown
    assert "huggingface.co/a/c" not in html


HOSTILE = "<script>alert(1)</script> | `x` ={{ 7*7 }}= {% raw %} **b** [l](https://evil.example) <!-- \n# h"


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    study = write_study(tmp_path, title=HOSTILE, authors=[{"name": HOSTILE, "did": HOSTILE}], reviews=(GOLD, TWO_WRONG))
    folder = folder_of(study)
    change_json(folder / "model.json", name=HOSTILE, source=HOSTILE, url="javascript:alert(1)", architecture=HOSTILE)
    metadata = {"about": HOSTILE, "labels": ["a", HOSTILE], "data": {"source": HOSTILE, "name": HOSTILE}}
    for checkpoint in ("base", "reviews-lora-seed1"):
        set_in_results(study, checkpoint, "reviews", lambda r: r["configs"]["reviews"]["metadata"].update(metadata))
    change_json(
        folder / "checkpoints/reviews-lora-seed1/finetune.json", command="```\n" + HOSTILE, recipe={HOSTILE: HOSTILE}
    )
    _, markdown, html = built(study)
    assert [line[:41] for line in html.splitlines() if "<script" in line and "explorer-" not in line] == [
        '<script type="application/json" id="notes',
        "<script>",
        "<script>",
    ]  # the page's own, and each at the beginning of its line
    assert "<script" not in markdown.replace("\\<script", "").replace(f"```\n{HOSTILE}", "")
    assert "=49=" not in html
    assert 'href="https://evil' not in html
    assert 'href="javascript' not in html
    assert "{{ 7*7 }}" in html
    assert html.count("<h1>") == 1
    assert "<h1>h" not in html
    assert_no_hole(markdown, html)


def test_what_is_published_holds_no_home_path_and_no_token(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    secret = "hf_" + "a" * 34
    command = f"HF_TOKEN={secret} aftertune train --model {Path.home()}/models/x --output {Path.cwd()}/build/x"
    change_json(folder_of(study) / "checkpoints/reviews-lora-seed1/finetune.json", command=command)
    facts, markdown, html = built(study)
    for text in (json.dumps(facts), markdown, html):
        assert secret not in text
        assert f"{Path.home()}/models" not in text
    assert "--output ./build/x" in markdown


def test_build_loads_no_torch_and_rendering_no_scipy(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    folder = folder_of(study)
    code = (
        "import sys, pathlib; from report.page.build import build_report; "
        f"build_report(pathlib.Path({str(study)!r}), output=pathlib.Path({str(folder)!r})); "
        "print(sorted({'torch', 'transformers', 'evaluate', 'datasets', 'lm_eval'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    code = (
        "import sys; from pathlib import Path; from report.facts.current import read_facts; "
        "from report.page.render import render; "
        f"pages = render(read_facts(Path({str(folder / 'facts.json')!r})), Path({str(folder)!r})); "
        f"assert pages['report.md'] == open({str(folder / 'report.md')!r}).read(); "
        "print(sorted({'torch', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("metric", "value", "found"),
    [
        ("f1", [1], "f1: some items are no lists of 2 numbers"),
        ("f1", [1, 0.5], "f1: an item's labels are no whole numbers: 1, 0.5"),
        (
            "ece",
            [0.9, -1.0],
            "ece: an item's confidence is not between 0 and 1, or its correctness is neither: 0.9, -1.0",
        ),
    ],
)
def test_a_damaged_item_of_a_metric_of_sums_is_named(tmp_path: Path, metric: str, value: Any, found: str) -> None:
    study = write_study(tmp_path)
    change_rows(study, "base", "reviews", lambda row: row.update({metric: value} if row["doc_id"] == 3 else {}))
    with pytest.raises(UserError) as caught:
        build_report(study, output=folder_of(study))
    assert caught.value.found == f"scores/base/reviews/samples.jsonl: {found}"


def test_a_refusal_is_a_user_error_with_the_values(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    change_json(folder_of(study) / "checkpoints/reviews-lora-seed1/finetune.json", checkpoint="another")
    with pytest.raises(UserError, match="says that it describes another"):
        build_report(study, output=folder_of(study))


def test_claims_are_audited_on_the_page(tmp_path: Path) -> None:
    claims = tmp_path / "their-claims.yaml"
    shown = {"id": "acc", "kind": "bounded", "where": "Table <1>", "quote": "Accuracy: 95.0 | x", "value": "95.0"}
    text = {"title": "Theirs", "claims": [{**shown, "scale": "0-1"}]}
    claims.write_text(yaml.safe_dump(text), encoding="utf-8")
    facts, markdown, html = built(write_study(tmp_path / "a", claims=str(claims)))
    assert facts["audit"]["counts"]["impossible"]["value"] == 1
    assert "## Audit of an earlier write-up" in markdown
    assert "| Table \\<1\\> | Accuracy: 95.0 \\| x | impossible |" in markdown
    assert "Table &lt;1&gt;" in html
    folder = folder_of(tmp_path / "a" / "studies" / "trial.yaml")
    assert (folder / "their-claims.yaml").is_file()
    assert_no_hole(markdown, html)
