"""A study's base model stays at the commit at which the study began."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "hub_server"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness_tasks"))

from fake_hub import running
from hub_clients import environment, python
from hub_snapshots import FIRST, SECOND, downloaded

from harness_tasks import UserError
from studies import load_grid, load_study
from workflow import step_commands
from workflow.pins import pin_models, revision_of

STUDY = """
title: from the Hub
model: {id: ada/base, revision: REVISION}
tasks: {reviews_demo: {}}
seeds: [1, 2]
authors: [{name: a, did: b}]
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hub's cache in which `main` of `ada/base` was last seen at the first commit; the network is not there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    downloaded(tmp_path / "hub", "ada/base", FIRST, "config.json")
    return tmp_path / "hub"


def study_at(revision: str = "null") -> Path:
    file = Path("mine.yaml")
    file.write_text(STUDY.replace("REVISION", revision))
    return file


def test_every_step_takes_the_commit_that_main_was_at_the_first(cache: Path) -> None:
    file = study_at()
    assert revision_of(load_study(file)) is None
    pin_models(load_grid(str(file)))
    downloaded(cache, "ada/base", SECOND, "config.json")  # `main` moves to other weights
    pin_models(load_grid(str(file)))
    study = load_study(file)
    one, two = study.trained_checkpoints()
    for words in (step_commands.train(study, one), step_commands.train(study, two)):
        assert words[words.index("--revision") + 1] == FIRST
    for checkpoint in (None, two):
        score = step_commands.score(study, "reviews_demo", checkpoint, dtype="float32", output=Path("out"))
        prior = step_commands.prior(study, "reviews_demo", checkpoint, dtype="float32", output=Path("out"))
        for words in (score, prior):
            assert json.loads(words[words.index("--model_args") + 1])["revision"] == FIRST
    assert FIRST in step_commands.parameters("s.yaml", study, None, Path("out"))
    assert FIRST in step_commands.describe_key(study)


def test_without_its_pin_a_study_begins_anew(cache: Path) -> None:
    file = study_at()
    pin_models(load_grid(str(file)))
    key = step_commands.train_key(load_study(file), load_study(file).trained_checkpoints()[0])
    downloaded(cache, "ada/base", SECOND, "config.json")
    Path("build/mine/pinned.json").unlink()
    pin_models(load_grid(str(file)))
    assert revision_of(load_study(file)) == SECOND
    assert step_commands.train_key(load_study(file), load_study(file).trained_checkpoints()[0]) != key


def test_a_commit_in_the_study_needs_no_pin_and_another_wish_another(cache: Path) -> None:
    pin_models(load_grid(str(study_at(SECOND.replace("2", "a")))))
    assert not Path("build/mine/pinned.json").exists()
    assert revision_of(load_study(study_at(f'"{SECOND}"'))) == SECOND
    pin_models(load_grid(str(study_at())))
    assert revision_of(load_study(study_at("next"))) == "next"
    downloaded(cache, "ada/base", SECOND, "config.json", branch="next")
    pin_models(load_grid(str(study_at("next"))))
    assert revision_of(load_study(study_at("next"))) == SECOND


def test_all_studies_of_a_grid_begin_at_one_commit(cache: Path) -> None:
    file = Path("mine.yaml")
    grid = STUDY.replace("model: {id: ada/base, revision: REVISION}", "models: [{id: ada/base}]\nshots: [0, 1]")
    file.write_text(grid)
    made = list(load_grid(str(file)).studies.values())
    assert len(made) == 2
    pin_models(load_grid(str(file)))
    (made[1].folder / "pinned.json").unlink()
    downloaded(cache, "ada/base", SECOND, "config.json")
    pin_models(load_grid(str(file)))
    assert [revision_of(study) for study in made] == [FIRST, FIRST]


def test_a_damaged_pin_is_told(cache: Path) -> None:
    file = study_at()
    pin_models(load_grid(str(file)))
    Path("build/mine/pinned.json").write_text('{"model": "ada/base", "revision": null, "commit": 7}')
    with pytest.raises(UserError) as caught:
        revision_of(load_study(file))
    assert "pinned.json" in caught.value.found
    assert "`commit`" in caught.value.found
    assert caught.value.mend.startswith("delete it")


def test_the_commit_comes_from_the_hub_where_there_is_a_network(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(STUDY.replace("REVISION", "null"))
    code = "from studies import load_grid; from workflow.pins import pin_models; pin_models(load_grid('mine.yaml')); "
    code += "print(open('build/mine/pinned.json').read())"
    with running() as hub:
        found = hub.add("model", "ada/base", files={"config.json": b"{}"})
        first = found.heads["main"]
        env = environment(tmp_path / "home", hub)
        assert first in python(code, env=env, cwd=tmp_path).stdout
        hub.keep(found, "main", {**found.files, "model.safetensors": b"others"})
        assert first in python(code, env=env, cwd=tmp_path).stdout
        (tmp_path / "build" / "mine" / "pinned.json").unlink()
        assert found.heads["main"] in python(code, env=env, cwd=tmp_path).stdout
