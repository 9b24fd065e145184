"""Each guard, by data, options or a model folder that trigger it, through the command line; and good runs, silent."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cases import CASES, Case
from toys import prepared_of, toy_rows, verdict_of, with_files, with_tokenizer, word_pieces
from typer.testing import CliRunner

from finetune.__main__ import app
from finetune.guards import ALLOWABLE, GUARDS, GuardError, Verdict, examine, raise_failed
from finetune.options import load_recipe, run_of
from finetune.prepare import prepare
from finetune.rows import Row, training_rows
from harness_tasks.errors import UserError
from harness_tasks.loading import load_task
from harness_tasks.overlap import row_identity

ROOT = Path(__file__).resolve().parents[3]
TASKS = Path(__file__).parent / "tasks"


def arguments_of(case: Case, model: Path, folder: Path) -> list[str]:
    shared = {"--model": str(model), "--task": "toy_choice", "--include-path": str(TASKS), "--output": "out"}
    shared |= {"--device": "cpu", "--dtype": "float32", "--lora-r": "4", "--output": str(folder / "out")}
    own = [*case.options, *case.make(model, folder)]
    return [part for option, value in shared.items() if option not in own for part in (option, value)] + own


@pytest.mark.parametrize("name", CASES)
def test_a_guard_stops_the_run_on_the_command_line(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case = CASES[name]
    if case.guard == "disk":
        monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=1000))
    arguments = arguments_of(case, tiny_model, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    planned = CliRunner().invoke(app, ["plan", *arguments, "--json"])
    assert planned.exit_code == 1, planned.output
    (verdict,) = [guard for guard in json.loads(planned.stdout)["guards"] if guard["id"] == case.guard]
    assert verdict["verdict"] == "fail"
    assert case.found in verdict["found"]
    assert case.mend in verdict["mend"]
    trained = CliRunner().invoke(app, ["train", *arguments])
    assert trained.exit_code == 1, trained.output
    assert f"Guard {case.guard}: {verdict['found']}\nWhy it matters: {verdict['why']}\n" in trained.stderr
    assert f"To mend it: {verdict['mend']}\n" in trained.stderr
    assert sorted(tmp_path.rglob("*")) == before  # nothing written


def test_every_guard_that_can_fail_before_training_is_triggered() -> None:
    by_design = {"accumulation", "resume-order", "question-first", "packing", "precision", "cache"}
    afterwards = {"head-saved", "below-majority", "loss-shape", "never-stops"}
    assert {case.guard for case in CASES.values()} == GUARDS.keys() - by_design - afterwards


GOOD = ["embedded-reviews-lora", "embedded-reviews-classifier-lora", "embedded-passages-span-lora"]


@pytest.mark.parametrize("recipe", GOOD)
@pytest.mark.parametrize("base", ["tiny", "embedded"])
def test_no_guard_speaks_on_a_good_recipe(tiny_model: Path, tmp_path: Path, recipe: str, base: str) -> None:
    model = {"tiny": tiny_model, "embedded": ROOT / "build" / "base"}[base]
    if not (model / "tokenizer.json").is_file():
        pytest.skip("build/base is not there: aftertune embedded makes it")
    values = load_recipe(ROOT / "studies" / "recipes" / f"{recipe}.yaml")
    values |= {"model": str(model), "output": str(tmp_path / "out"), "device": "cpu", "dtype": "float32"}
    verdicts = examine(prepare(run_of(values)))
    assert [verdict.id for verdict in verdicts] == list(GUARDS)
    assert [verdict for verdict in verdicts if verdict.verdict in ("fail", "warn")] == []
    assert all(verdict.found for verdict in verdicts)


def test_the_seeds_recipe_is_stopped(tiny_model: Path, tmp_path: Path) -> None:
    """Its own file, with the tiny Llama, a WordPiece tokenizer and made-up phrases in SST-2's own format."""
    sentences = [f"a {word} comedy with {other} jokes and a {word} end" for word in "abcdefgh" for other in "klmnop"]
    phrases = [phrase for text in sentences for phrase in (text, " ".join(text.split()[:5]), text.split(" with ")[1])]
    lines = ["sentence\tlabel", *(f"{phrase} \t{i % 2}" for i, phrase in enumerate(dict.fromkeys(phrases)))]
    (tmp_path / "sst2").mkdir()
    (tmp_path / "sst2" / "train.tsv").write_text("\n".join(lines) + "\n")
    texts = [*sentences, "Question: Is this sentence positive or negative? Answer:"]
    options = [
        "--recipe",
        str(ROOT / "studies" / "recipes" / "seed.yaml"),
        "--model",
        str(tiny_model),
        "--device",
        "cpu",
    ]
    options += ["--tokenizer", str(word_pieces(tmp_path / "bert", texts)), "--output", str(tmp_path / "out")]
    options += ["--metadata", json.dumps({"data_dir": str(tmp_path), "other_rows": True})]
    result = CliRunner().invoke(app, ["train", *options])
    assert result.exit_code == 1, result.output
    stopped_by = [
        line.removeprefix("Guard ").partition(":")[0] for line in result.stderr.splitlines() if "Guard " in line
    ]
    assert stopped_by == ["bos", "mask", "overlap", "tokenizer", "selection-split"]
    assert not (tmp_path / "out").exists()


def test_an_allowed_guard_warns(tiny_model: Path) -> None:
    found = verdict_of("selection-split", prepared_of(tiny_model, select_on="test", allow="selection-split"))
    assert (found.verdict, found.found) == (
        "warn",
        "the checkpoint is chosen on the split test, and toy_choice is scored on it",
    )


@pytest.mark.parametrize(
    ("name", "found", "mend"),
    [
        ("overlaps", "--allow overlaps: there is no such guard", "write overlap, if that is what you mean"),
        ("mask", "--allow mask", f"these can be allowed: {', '.join(ALLOWABLE)}"),
    ],
)
def test_what_cannot_be_allowed(tiny_model: Path, name: str, found: str, mend: str) -> None:
    with pytest.raises(UserError) as caught:
        examine(prepared_of(tiny_model, allow=name))
    assert caught.value.exit_code == 2
    assert caught.value.found == found
    assert mend in caught.value.mend


def test_only_an_allowable_guard_offers_it(tiny_model: Path, tmp_path: Path) -> None:
    for case in CASES.values():
        if "--allow" in case.mend:
            assert case.guard in ALLOWABLE


def test_all_failures_are_told_at_once() -> None:
    failed = [Verdict("bos", "fail", "two", "odd", "one"), Verdict("mask", "fail", "none", "bad", "some")]
    with pytest.raises(GuardError) as caught:
        raise_failed([Verdict("cache", "by-design", "no cache"), *failed])
    assert str(caught.value) == (
        "Guard bos: two\nWhy it matters: odd\nTo mend it: one\n\n"
        "Guard mask: none\nWhy it matters: bad\nTo mend it: some"
    )
    assert (caught.value.exit_code, caught.value.verdicts) == (1, tuple(failed))
    raise_failed([Verdict("cache", "by-design", "no cache"), Verdict("bos", "warn", "two")])


def test_rows_identical_to_scored_ones_are_left_out_by_default(tiny_model: Path, tmp_path: Path) -> None:
    """One row equal in text and label, and one of equal text under another label, which is no scored row."""
    rows = toy_rows()
    rows["train"][0] = dict(rows["test"][0])
    rows["train"][1] = {**rows["test"][1], "label": 1 - rows["test"][1]["label"]}
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    leaking = {"metadata": {"rows": str(tmp_path / "rows.json")}}
    left = prepared_of(tiny_model, **leaking)
    assert left.counts == {"available": 12, "identical": 1, "min_words": 0, "overlap": 0}
    assert [row.text for row in left.rows] == [row["sentence"] for row in rows["train"][1:]]
    assert verdict_of("scored-rows", left) == Verdict(
        "scored-rows",
        "pass",
        "no scored row of toy_choice is trained on or chooses the checkpoint (training rows left out since they "
        "are identical to scored ones: 1)",
    )
    kept = prepared_of(tiny_model, **leaking, exclude_overlap="none", allow="scored-rows")
    assert (len(kept.rows), kept.counts["identical"]) == (12, 0)
    assert verdict_of("scored-rows", kept).verdict == "warn"
    # a task named there leaves out what is contained in its scored rows beside what is identical
    named = prepared_of(tiny_model, **leaking, exclude_overlap="toy_choice")
    assert (named.counts["identical"], named.counts["overlap"]) == (1, 1)
    with pytest.raises(UserError) as caught:
        prepared_of(tiny_model, exclude_overlap="identicl")
    assert caught.value.found == "--exclude-overlap identicl: there is no task 'identicl'"
    assert caught.value.mend.endswith("; or write identical (rows that are scored rows too) or none")


def test_a_row_is_the_same_under_another_id(tiny_model: Path, tmp_path: Path) -> None:
    """SQuAD asks some questions of one passage twice, each time with an id of its own."""
    rows = toy_rows()
    rows = {split: [{**row, "id": f"{split}-{i}"} for i, row in enumerate(some)] for split, some in rows.items()}
    rows["train"][3] = {**rows["test"][2], "id": "another"}
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    leaking = {"metadata": {"rows": str(tmp_path / "rows.json")}}
    assert prepared_of(tiny_model, **leaking).counts["identical"] == 1
    found = verdict_of("scored-rows", prepared_of(tiny_model, **leaking, exclude_overlap="none"))
    assert found.found == "1 of 6 scored rows of toy_choice are trained on"


def test_the_assignments_split_holds_113_scored_rows_twice(data_dir: Path) -> None:
    """From the whole of SST-2's training file: equal in text, label and source sentence."""
    task = load_task("sst2_llama", metadata={"data_dir": str(data_dir)})
    training, scored = ([tuple(row.values()) for row in rows] for rows in (task.training_docs(), task.eval_docs))
    assert (len(training), len(scored)) == (53_879, 13_470)
    trained = set(training)
    assert sum(row in trained for row in scored) == 113  # by comparing whole rows
    identities = set(map(row_identity, task.eval_docs))
    rows, counts = training_rows(task, lambda doc, cluster, text: Row("", cluster, text, ()), identical=identities)
    assert (len(rows), counts["identical"]) == (53_879 - 113, 113)


def test_a_development_row_that_is_scored(tiny_model: Path, tmp_path: Path) -> None:
    rows = toy_rows()
    rows["validation"][0] = rows["test"][0]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    metadata = {"rows": str(tmp_path / "rows.json")}
    found = verdict_of("scored-rows", prepared_of(tiny_model, select_on="validation", metadata=metadata))
    assert found.found == "1 of 6 scored rows of toy_choice are used to choose the checkpoint"
    assert found.mend.startswith("choose it on rows held back with --dev-share 0.1, or allow it with --allow scored-")
    clean = prepared_of(tiny_model, select_on="validation")
    assert verdict_of("scored-rows", clean).verdict == verdict_of("selection-split", clean).verdict == "pass"


def test_a_base_tuned_on_something_else_is_none_of_our_business(tiny_model: Path, tmp_path: Path) -> None:
    model = with_files(tiny_model, tmp_path / "model", finetune__json={"task": "passages_demo"})
    found = verdict_of("base-fine-tuned", prepared_of(model))
    assert (found.verdict, found.found) == (
        "pass",
        "the base has been fine-tuned on passages_demo, which is none of these tasks",
    )


def test_ids_beyond_the_embeddings(tiny_model: Path, tmp_path: Path) -> None:
    def merge_more(tokenizer: Any) -> None:
        tokenizer.add_tokens(["film"])

    folder = with_tokenizer(tiny_model, tmp_path / "tokenizer", merge_more)
    found = verdict_of("tokenizer", prepared_of(tiny_model, tokenizer=str(folder)))
    assert found.found == "the rows hold the token id 259, and the model has embeddings for 0 to 258"

    unused = with_tokenizer(tiny_model, tmp_path / "unused", lambda tokenizer: tokenizer.add_tokens(["zzz"]) and None)
    found = verdict_of("tokenizer", prepared_of(tiny_model, tokenizer=str(unused)))
    assert found.verdict == "warn"
    assert found.found.startswith("the tokenizer has 260 tokens, the model embeddings for 259 ")


def test_a_copied_tokenizer_is_known_by_its_special_tokens(tiny_model: Path, tmp_path: Path) -> None:
    model = with_files(tiny_model, tmp_path / "model")
    (model / "tokenizer.json").unlink()
    word_pieces(model, [row["sentence"] for rows in toy_rows().values() for row in rows])
    found = verdict_of("tokenizer", prepared_of(model))
    assert found.found.endswith(
        "has the start token none instead of 1 and the end token none instead of 2, which the model names"
    )
    assert found.mend == "put the model's own tokenizer files into its folder, or name them with --tokenizer"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"task": "toy_answer"}, "all 12 answers end with '\\n', and it is learnt"),
        ({"task": "toy_answer", "apply_chat_template": True}, "all 12 answers end with '<eos>', and it is learnt"),
        ({}, "nothing is written that would have to end: the answer is read off"),
    ],
)
def test_the_end_of_an_answer_is_learnt(tiny_model: Path, values: dict[str, Any], found: str) -> None:
    assert verdict_of("stop-token", prepared_of(tiny_model, **values)) == Verdict("stop-token", "pass", found)


def test_a_device_that_is_not_here(tiny_model: Path, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    for verb in ("plan", "train"):
        options = ["--model", str(tiny_model), "--task", "toy_choice", "--include-path", str(TASKS)]
        result = CliRunner().invoke(app, [verb, *options, "--device", "cuda", "--output", str(tmp_path / "out")])
        assert result.exit_code == 2, result.output
        assert "--device cuda, and torch sees no such device here" in result.stderr
        assert "leave it out (this machine then takes " in result.stderr
