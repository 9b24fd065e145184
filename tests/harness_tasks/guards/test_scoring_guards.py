"""Guards of scoring: a prompt that holds its own answer, an adapter on another model; and the way past them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hub_cache import write_commit
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from harness_tasks import TASKS_PATH, UserError
from harness_tasks.__main__ import app
from harness_tasks.guards import GUARDS, enforce, take_allowed
from harness_tasks.guards.adapter_base import adapter_base
from harness_tasks.guards.shots import shots
from harness_tasks.guards.verdicts import GuardError, Verdict
from harness_tasks.loading import load_task
from harness_tasks.scoring.arguments import check_arguments
from tests.in_this_process import aftertune

ITEMS = [{"q": f"What is item {i}?", "a": f"alpha{i}"} for i in range(6)]
TASK = """task: leaky_demo
dataset_path: json
dataset_kwargs:
  data_files:
    {files}
output_type: generate_until
doc_to_text: "Question: {{{{q}}}}\\nAnswer:"
doc_to_target: "{{{{a}}}}"
generation_kwargs:
  until: ["\\n"]
  max_gen_toks: 4
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
{more}
"""


def write_task(folder: Path, more: str, **splits: list[dict[str, Any]]) -> Path:
    """Returns the folder after writing a task there, with these splits and lines."""
    for split, rows in splits.items():
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = "\n    ".join(f"{split}: {folder / f'{split}.jsonl'}" for split in splits)
    (folder / "leaky.yaml").write_text(TASK.format(files=files, more=more))
    return folder


@pytest.fixture(autouse=True)
def data_sets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")


def verdict(folder: Path, count: int | None = 2, **named: Any) -> Verdict:
    return shots(load_task("leaky_demo", include_path=folder, include_defaults=False), "leaky_demo", count, **named)


def prompts_with_their_answer(folder: Path, count: int) -> list[int]:
    """Returns the items whose answer stands in their own prompt, read off the prompts that lm_eval builds."""
    task = load_task("leaky_demo", include_path=folder, include_defaults=False)
    task.set_config("num_fewshot", count)
    task.set_fewshot_seed(1234)
    task.build_all_requests(limit=None, rank=0, world_size=1)
    return [one.doc_id for one in task.instances if f"Answer: {one.doc['a']}\n" in one.args[0]]


def test_the_case(tmp_path: Path) -> None:
    folder = write_task(tmp_path, "test_split: test", test=ITEMS)
    leaking = prompts_with_their_answer(folder, 2)
    assert leaking
    found = verdict(folder)
    assert (found.id, found.verdict) == ("shots", "fail")
    assert found.found == (
        f"{len(leaking)} of 6 prompts of leaky_demo hold the item that is scored, with its answer, among their "
        f"2 few-shot examples (item {leaking[0]} is the first)"
    )
    assert found.why == "the score would tell how well an answer is copied"
    assert found.mend == (
        "give the task a `fewshot_split` without scored items in its YAML, score it with --num_fewshot 0, or allow it "
        "with --allow shots"
    )


@pytest.mark.parametrize(
    ("more", "splits"),
    [
        ("validation_split: validation\nfewshot_split: validation", {"validation": ITEMS}),
        # The rows stand in another split too, with a space more.
        (
            "test_split: test\nfewshot_split: train",
            {"test": ITEMS, "train": [{**row, "q": f"{row['q']} "} for row in ITEMS]},
        ),
        (
            "test_split: test\nfewshot_config:\n  sampler: first_n\n  samples:\n"
            "    - {q: 'What is item 3?', a: alpha3}\n    - {q: 'What is item 9?', a: alpha9}",
            {"test": ITEMS},
        ),
    ],
)
def test_other_ways_into_the_own_prompt(tmp_path: Path, more: str, splits: dict[str, list[dict[str, Any]]]) -> None:
    folder = write_task(tmp_path, more, **splits)
    found = verdict(folder)
    assert found.verdict == "fail"
    assert found.found.startswith(f"{len(prompts_with_their_answer(folder, 2))} of 6 prompts")


CHOICES = """task: leaky_demo
dataset_path: json
dataset_kwargs:
  data_files:
    test: {folder}/test.jsonl
    train: {folder}/train.jsonl
test_split: test
fewshot_split: train
output_type: multiple_choice
doc_to_text: "{{{{q}}}}"
doc_to_target: "{{{{label}}}}"
doc_to_choice: "{{{{options}}}}"
metric_list:
  - metric: acc
"""


def test_choices_in_another_order_are_the_same_item(tmp_path: Path) -> None:
    rows = [{"q": f"Which is {i}?", "options": [f"yes{i}", f"no{i}"], "label": 0} for i in range(6)]
    turned = [{**row, "options": row["options"][::-1], "label": 1} for row in rows]
    other = [{**row, "options": row["options"][::-1], "label": 0} for row in rows]  # with the other answer
    for name, train in (("turned", turned), ("other", other)):
        folder = tmp_path / name
        folder.mkdir()
        for split, part in (("test", rows), ("train", train)):
            (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
        (folder / "leaky.yaml").write_text(CHOICES.format(folder=folder))
        assert verdict(folder, 3).verdict == ("fail" if name == "turned" else "pass")


def test_another_gold_answer_beside_the_same_one_is_the_same_item(tmp_path: Path) -> None:
    more = "test_split: test\nfewshot_split: train\ndoc_to_target: golds"
    test = [{"q": f"What is item {i}?", "a": "", "golds": [f"alpha{i}", f"Alpha {i}"]} for i in range(6)]
    train = [{**row, "golds": row["golds"][:1]} for row in test]
    assert verdict(write_task(tmp_path, more, test=test, train=train), 3).verdict == "fail"


def test_an_example_that_the_description_spells_out(tmp_path: Path) -> None:
    spelled = "Question: What is item 3?\\nAnswer: {}\\n\\n"
    for answer, outcome in (("alpha3", "fail"), ("alpha33", "pass")):
        folder = tmp_path / answer
        folder.mkdir()
        found = verdict(write_task(folder, f'test_split: test\ndescription: "{spelled.format(answer)}"', test=ITEMS), 0)
        assert found.verdict == outcome
        if outcome == "fail":
            said = "the description of leaky_demo spells out 1 of the 6 items that are scored, with their answers"
            assert found.found.startswith(said)


@pytest.mark.parametrize(
    "more",
    ["test_split: test\nfewshot_split: test", "validation_split: test"],
    ids=["own", "none"],
)
def test_what_lm_eval_leaves_out_is_no_leak(tmp_path: Path, more: str) -> None:
    folder = write_task(tmp_path, more, test=ITEMS)
    assert prompts_with_their_answer(folder, 3) == []
    assert verdict(folder, 3).found == "no prompt of leaky_demo holds its own item among its 3 examples"


def test_other_examples_are_no_leak(tmp_path: Path) -> None:
    train = [{"q": f"What is item {i}?", "a": f"beta{i}"} for i in range(6)]  # the questions alone are known
    folder = write_task(tmp_path, "test_split: test\nfewshot_split: train", test=ITEMS, train=train)
    assert verdict(folder).found == "no item of leaky_demo is among those that its few-shot examples are drawn from"


def test_shots_that_the_yaml_asks_for_count_too(tmp_path: Path) -> None:
    folder = write_task(tmp_path, "test_split: test\nnum_fewshot: 4", test=ITEMS)
    assert verdict(folder, None).verdict == "fail"
    assert verdict(folder, 0).found == "the prompts of leaky_demo hold no few-shot examples"


def test_a_task_that_says_no_shots_has_none_whatever_is_asked_for(tmp_path: Path) -> None:
    """lm_eval's evaluator: "num_fewshot has been set to 0 in its config. Manual configuration will be ignored"."""
    folder = write_task(tmp_path, "test_split: test\nnum_fewshot: 0", test=ITEMS)
    assert verdict(folder, 3).found == "the prompts of leaky_demo hold no few-shot examples"


def test_only_the_rows_that_are_scored_are_looked_at(tmp_path: Path) -> None:
    folder = write_task(tmp_path, "test_split: test", test=ITEMS)
    count = next(count for count in (1, 2, 3) if prompts_with_their_answer(folder, count)[0] > 0)
    first = prompts_with_their_answer(folder, count)[0]
    assert verdict(folder, count, rows=range(first)).verdict == "pass"
    assert f"1 of {first + 1} prompts" in verdict(folder, count, rows=range(first + 1)).found


def test_examples_that_cannot_be_drawn(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the prompt of item 0 of the task 'leaky_demo' with 7 few-shot examples"):
        verdict(write_task(tmp_path, "test_split: test", test=ITEMS), 7)


@pytest.mark.parametrize("name", ["reviews_demo", "passages_demo"])
def test_our_own_tasks_pass(name: str) -> None:
    assert shots(load_task(name), name, 4).verdict == "pass"


def test_check_says_so_and_can_be_told_to_go_on(tmp_path: Path) -> None:
    folder = write_task(tmp_path, "test_split: test", test=ITEMS)
    words = ["check", "leaky_demo", "--include-path", str(folder), "--num-fewshot", "2"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "Guard shots: " in done.stderr
    done = CliRunner().invoke(app, [*words, "--allow", "shots"])
    assert done.exit_code == 0
    assert "Warning (guard shots): " in done.stderr
    assert "scored rows 6" in done.stdout


def test_run_ends_before_a_model_is_loaded_or_its_results_say_what_was_allowed(
    tmp_path: Path, tiny_model: Path
) -> None:
    folder = write_task(tmp_path, "test_split: test", test=ITEMS)
    words = ["--model", "hf", "--tasks", "leaky_demo", "--model_args", f"pretrained={tiny_model}"]
    words += ["--include_path", str(folder), "--num_fewshot", "2"]
    with pytest.raises(GuardError, match="Guard shots: "):
        check_arguments(words)
    words += ["--output_path", str(tmp_path / "out"), "--allow", "shots"]
    done = aftertune("score", *words, folder=tmp_path)
    assert done.exit_code == 0, done.stderr
    assert "Warning (guard shots): " in done.stderr
    results = json.loads(next(tmp_path.glob("out/**/results*.json")).read_text())
    assert results["configs"]["leaky_demo"]["metadata"]["allowed"] == ["shots"]


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that peft made on the tiny model."""
    folder = tmp_path_factory.mktemp("adapter")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), LoraConfig(target_modules=["q_proj"]))
    model.save_pretrained(folder)
    return folder


def judged(adapter: Path, base: str | Path, **settings: Any) -> Verdict:
    """Returns the verdict on an adapter whose configuration is changed so."""
    file = adapter / "adapter_config.json"
    kept = file.read_text()
    file.write_text(json.dumps(json.loads(kept) | settings))
    try:
        return adapter_base({"pretrained": str(base), "peft": str(adapter)})
    finally:
        file.write_text(kept)


def other_model(tiny_model: Path, folder: Path) -> Path:
    """Returns a model of the same shapes with other weights."""
    from studies.tiny_model import write_tiny_model

    return write_tiny_model(folder, seed=1)


def test_an_adapter_on_its_own_base_by_the_weights_hash(adapter: Path, tiny_model: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_model, tmp_path / "elsewhere")
    for base in (tiny_model, copy):
        assert judged(adapter, base).verdict == "pass"
    other = other_model(tiny_model, tmp_path / "other")
    found = judged(adapter, other)
    assert found.verdict == "fail"
    assert found.found.startswith(f"the adapter {adapter} was trained on the model with the hash ")
    assert f"…, and {other} has the hash " in found.found
    assert found.mend == (
        "name the adapter's own base as `pretrained` (`--base` of a merge), or allow it with --allow adapter-base"
    )


def test_what_our_training_recorded_goes_before_names(adapter: Path, tiny_model: Path, tmp_path: Path) -> None:
    from finetune.record import weights_fingerprint

    mine = shutil.copytree(adapter, tmp_path / "mine")
    other = other_model(tiny_model, tmp_path / "other")
    (mine / "finetune.json").write_text(json.dumps({"base": {"fingerprint": weights_fingerprint(other)}}))
    assert judged(mine, other).verdict == "pass"
    assert judged(mine, tiny_model).verdict == "fail"


def test_an_adapter_of_another_model_of_the_hub(adapter: Path, tiny_model: Path) -> None:
    found = judged(adapter, "meta-llama/Llama-3.2-1B-Instruct", base_model_name_or_path="meta-llama/Llama-3.2-1B")
    assert (found.verdict, found.found) == (
        "fail",
        f"the adapter {adapter} was trained on meta-llama/Llama-3.2-1B, and is loaded on "
        "meta-llama/Llama-3.2-1B-Instruct",
    )
    assert judged(adapter, "ada/one", base_model_name_or_path="ada/one").verdict == "pass"


def test_what_cannot_be_compared_is_said(adapter: Path, tiny_model: Path) -> None:
    for named, reason in [
        ("/home/someone/models/llama", "it was trained on llama, a folder that is not here"),
        ("meta-llama/Llama-3.2-1B", "it was trained on meta-llama/Llama-3.2-1B of the Hub, and a folder does not say"),
        (None, "its adapter_config.json names no base model"),
    ]:
        found = judged(adapter, tiny_model, base_model_name_or_path=named)
        assert found.verdict == "warn"
        assert reason in found.found


def test_another_commit_of_the_base(adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    write_commit(tmp_path, "model", "ada/one", "a" * 40, {"config.json": b"{}"}, branch="main")
    own = {"base_model_name_or_path": "ada/one"}
    assert judged(adapter, "ada/one", revision="a" * 40, **own).verdict == "pass"
    found = judged(adapter, "ada/one", revision="b" * 40, **own)
    assert found.verdict == "fail"
    assert found.mend.startswith(f"add revision={'b' * 40} to --model_args where that is meant")


def test_no_adapter_no_question(tiny_model: Path) -> None:
    assert adapter_base({"pretrained": str(tiny_model)}).verdict == "pass"


def test_a_failed_guard_ends_the_run_unless_it_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    failed = Verdict("shots", "fail", "found", "why", "mend")
    with pytest.raises(GuardError) as caught:
        enforce([failed])
    assert caught.value.exit_code == 1
    assert str(caught.value) == "Guard shots: found\nWhy it matters: why\nTo mend it: mend"
    enforce([failed], ("shots",))
    assert capsys.readouterr().err == "Warning (guard shots): found: why.\n"


def test_a_guard_that_there_is_not() -> None:
    with pytest.raises(UserError, match="--allow shot: there is no such guard of scoring") as caught:
        take_allowed(["--allow=shot"])
    assert caught.value.mend.startswith("write shots")
    with pytest.raises(UserError, match="--allow : there is no such guard"):
        take_allowed(["--allow"])


def test_every_guard_has_its_section() -> None:
    text = (TASKS_PATH / "README.md").read_text(encoding="utf-8")
    assert [name for name in GUARDS if f"\n### `{name}`\n" not in text] == []
