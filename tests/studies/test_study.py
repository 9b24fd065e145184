"""Study files: the shipped ones load, and what is wrong in one is said with what mends it."""

import sys
from pathlib import Path

import pytest

from harness_tasks.errors import UserError
from harness_tasks.loading import _read_yaml
from studies import Elsewhere, load_study
from studies.loading import study_files
from studies.study import has_shots
from studies.tiny_model import write_tiny_model

STUDIES = study_files(Path(__file__).resolve().parents[2] / "studies")


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_shipped_studies_load(path: Path) -> None:
    study = load_study(path)
    assert study.name == path.stem
    assert study.folder == Path("build") / path.stem
    assert study.trained_checkpoints()


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


SMALL = "title: t\nmodel: {id: embedded}\ntasks: {reviews_demo: }\nauthors: [{name: a, did: b}]\n"


def test_defaults_and_checkpoints(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, SMALL + "seeds: [1, 2]\nmethods: [lora, full]\n"))
    assert [checkpoint.name for checkpoint in study.trained_checkpoints()] == [
        "reviews_demo-lora-seed1",
        "reviews_demo-lora-seed2",
        "reviews_demo-full-seed1",
        "reviews_demo-full-seed2",
    ]
    assert study.plan("reviews_demo").limit is None
    assert study.model.path == "build/base"


@pytest.mark.parametrize(
    ("text", "found", "mend"),
    [
        (SMALL + "method: [lora]\n", "has the unknown key `method`", "write `methods`"),
        (SMALL.replace("{reviews_demo: }", "{reviews_demo: {recipe: {epoch: 1}}}"), "recipe.epoch`", "write `epochs`"),
        (SMALL.replace("id: embedded", "id: embedded, licnce: mit"), "`model.licnce`", "write `licence`"),
        (SMALL + "zzzzzz: 1\n", "`zzzzzz`", "delete it (known here: apply_chat_template,"),
        (SMALL + "name: other\n", "unknown key `name`", "rename the file"),
        (SMALL.replace("title: t\n", "titel: t\n"), "has the unknown key `titel`", "write `title`"),
        (SMALL.replace("title: t\n", ""), "lacks the key `title`", "add `title:`"),
        (SMALL + "dtype: float16\n", "`dtype` is 'float16'", "docs/reference/study-keys.md"),
        (SMALL.replace("{reviews_demo: }", "{}"), "names no task", "add one under `tasks:`"),
        (SMALL + "experiments: {controll: x}\n", "unknown key `experiments.controll`", "write `control`"),
        (SMALL + "experiments: {control: shuffled}\n", "`experiments.control` is 'shuffled'", "study-keys.md"),
        (
            SMALL + "experiments: {control: shuffled-targets}\ncheckpoints: [{path: runs/mine}]\n",
            "names a control, and the study trains no checkpoint",
            "name `methods:`, and a task with a training split",
        ),
        (SMALL + "experiments: {retention: {margin: 2}}\n", "`experiments.retention.margin` is 2", "study-keys.md"),
        (SMALL + "experiments: {retention: {margin: 0}}\n", "`experiments.retention.margin` is 0", "study-keys.md"),
        (
            SMALL + "experiments: {retention: {tasks: {passages_text: {limits: 3}}}}\n",
            "unknown key `experiments.retention.tasks.passages_text.limits`",
            "write `limit`",
        ),
        (
            SMALL + "experiments: {retention: {tasks: {}}}\n",
            "asks for retention, and there is nothing to score for it",
            "such as passages_text",
        ),
        (SMALL + "seeds: []\n", "`seeds` is []", "docs/reference/study-keys.md"),
        ("- a\n- b\n", "holds no mapping", "start from studies/demo.yaml"),
        ("a: [\n", "cannot be read as YAML", "correct it there"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, found: str, mend: str) -> None:
    with pytest.raises(UserError) as caught:
        load_study(write(tmp_path, text))
    assert found in caught.value.found
    assert caught.value.why
    assert mend in caught.value.mend


def test_a_bag_of_words_stands_beside_checkpoints_of_fixed_choices(tmp_path: Path) -> None:
    both = SMALL.replace("tasks: {", "tasks: {passages_demo: {}, ") + "experiments: {baselines: [bag-of-words]}\n"
    assert [one.task for one in load_study(write(tmp_path, both)).beside_simpler_means()] == ["reviews_demo"]
    with pytest.raises(UserError) as caught:
        load_study(write(tmp_path, both.replace("reviews_demo: }", "squad_llama: }")))
    assert "no checkpoint is trained on a task whose YAML lists its choices" in caught.value.found
    named = both.replace(
        "reviews_demo: }", "boolq: , gsm8k: , revews_demo: }"
    )  # lm_eval's own, and one that nobody has
    found = [one.task for one in load_study(write(tmp_path, named)).beside_simpler_means()]
    assert found == ["boolq", "revews_demo"]
    assert "(trained on: passages_demo, squad_llama)" in caught.value.found
    assert "can only learn labels that training rows and scored items share" in caught.value.why
    assert "or leave `bag-of-words` out of `baselines`" in caught.value.mend


def test_a_nearest_sentence_stands_beside_checkpoints_of_questions_on_passages(tmp_path: Path) -> None:
    both = SMALL.replace("tasks: {", "tasks: {passages_demo: {}, ")
    asked = "experiments: {baselines: [bag-of-words, nearest-passage-sentence]}\n"
    study = load_study(write(tmp_path, both + asked))
    means = {one.task: study.simpler_means(one) for one in study.trained_checkpoints()}
    assert means == {"passages_demo": "nearest-passage-sentence", "reviews_demo": "bag-of-words"}
    with pytest.raises(UserError) as caught:
        load_study(write(tmp_path, SMALL + asked))
    assert "names the baseline nearest-passage-sentence, and no checkpoint is trained" in caught.value.found
    assert "or leave `nearest-passage-sentence` out of `baselines`" in caught.value.mend
    named = SMALL.replace("{reviews_demo: }", "{squad_v2_llama: , squad_v1_llama: , squad_llama: }")
    study = load_study(write(tmp_path, named + "experiments: {baselines: [nearest-passage-sentence]}\n"))
    assert len(study.beside_simpler_means()) == 3


def test_each_task_head_and_method_has_one_control_of_the_first_seed(tmp_path: Path) -> None:
    asked = "experiments: {control: shuffled-targets}\n"
    study = load_study(write(tmp_path, SMALL + "seeds: [3, 1]\nmethods: [lora, full]\n" + asked))
    assert [control.name for control in study.controls()] == [
        "reviews_demo-lora-seed3-shuffled-targets",
        "reviews_demo-full-seed3-shuffled-targets",
    ]
    assert [control.explained for control in study.controls()] == study.trained_checkpoints()[::2]
    assert not any(one.is_control for one in study.every_checkpoint() if not isinstance(one, Elsewhere))
    assert study.scored_checkpoints() == [*study.every_checkpoint(), *study.controls()]
    assert load_study(write(tmp_path, SMALL)).controls() == []


def test_a_language_model_is_scored_on_what_it_was_not_trained_on(tmp_path: Path) -> None:
    both = SMALL.replace("tasks: {", "tasks: {passages_demo: {limit: 7}, ")
    asked = "experiments: {retention: {tasks: {passages_text: , squad_v1_llama: {limit: 200}, reviews_demo: }}}\n"
    study = load_study(write(tmp_path, both + asked))
    assert study.further_tasks() == ["passages_text", "squad_v1_llama"]
    assert {one.task: study.retained_on(one) for one in study.every_checkpoint() if not isinstance(one, Elsewhere)} == {
        "passages_demo": ["reviews_demo", "passages_text", "squad_v1_llama"],
        "reviews_demo": ["passages_demo", "passages_text", "squad_v1_llama"],
    }
    limits = [study.plan(task).limit for task in study.every_task()]
    assert limits == [7, None, None, 200]
    heads = "formulations: [causal, sequence-classification]\n"
    study = load_study(write(tmp_path, SMALL + heads + asked))
    kept = {one.name: study.retained_on(one) for one in study.every_checkpoint()}
    assert kept["reviews_demo-classifier-lora-seed1"] == []
    assert kept["reviews_demo-causal-lora-seed1"] == ["passages_text", "squad_v1_llama"]
    elsewhere = "checkpoints: [{path: runs/one}, {path: runs/two, tasks: [reviews_demo]}]\n"
    study = load_study(write(tmp_path, SMALL + elsewhere + asked))
    assert [study.retained_on(one) for one in study.checkpoints] == [["passages_text", "squad_v1_llama"], []]
    assert load_study(write(tmp_path, SMALL)).further_tasks() == []


def test_a_missing_study_names_those_that_exist(tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    with pytest.raises(UserError) as caught:
        load_study(tmp_path / "yours.yaml")
    assert str(tmp_path / "mine.yaml") in caught.value.mend


def test_reading_a_study_imports_nothing_heavy() -> None:
    import subprocess

    code = "import sys, studies; print([name for name in ('torch', 'transformers', 'lm_eval') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_tiny_model_knows_every_text_and_repeats(tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = write_tiny_model(tmp_path / "one")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    text = "Hé, 日本\n\t<b>"
    assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text
    assert tokenizer(text).input_ids[0] == tokenizer.bos_token_id
    model = AutoModelForCausalLM.from_pretrained(folder)
    # 259 × 32 embeddings (tied), 2 × (attention 3,072 + MLP 6,144 + norms 64), a last norm of 32
    assert sum(parameter.numel() for parameter in model.parameters()) == 8288 + 2 * (3072 + 6144 + 64) + 32 == 26880
    again = load_file(write_tiny_model(tmp_path / "two") / "model.safetensors")
    first = load_file(folder / "model.safetensors")
    assert all(first[name].equal(again[name]) for name in first)


def test_few_shot_examples_are_for_tasks_with_rows_to_draw_them_from(tmp_path: Path) -> None:
    study = load_study(write(tmp_path, SMALL + "experiments: {few_shot: [4, 8]}\n"))
    assert [one.name for one in study.few_shot()] == ["base-4-shot", "base-8-shot"]
    with pytest.raises(UserError) as caught:
        load_study(write(tmp_path, SMALL + "num_fewshot: 4\nexperiments: {few_shot: [4]}\n"))
    assert caught.value.found.endswith("`few_shot` names 4, which is the study's own `num_fewshot`")
    assert (caught.value.why, caught.value.mend) == (
        "the base model would be set beside itself",
        "name other numbers of examples",
    )
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    for split in ("fewshot_split: test", "training_split: train\nnum_fewshot: 0", ""):
        text = f"task: mine\noutput_type: generate_until\ntest_split: test\n{split}\n"
        (tasks / "mine.yaml").write_text(text, encoding="utf-8")
        has_shots.cache_clear()
        _read_yaml.cache_clear()
        named = SMALL.replace("{reviews_demo: }", "{mine: }") + f"include_path: {tasks}\n"
        with pytest.raises(UserError) as caught:
            load_study(write(tmp_path, named + "experiments: {few_shot: [4]}\n"))
        assert "the task mine has no split to draw them from but the scored one" in caught.value.found
        assert "or leave `few_shot` out" in caught.value.mend
    with pytest.raises(UserError, match=r"experiments\.few_shot"):
        load_study(write(tmp_path, SMALL + "experiments: {few_shot: [0]}\n"))
