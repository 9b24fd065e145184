"""What a base model's licence demands of what is made from it, enforced before anything is pushed."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_hub import FakeHub

from report.hub.licences import TERMS
from tests.report.hub.conftest import run_push
from tests.report.pushable_study import write_pushable
from tests.report.synthetic import folder_of

LLAMA = {"id": "meta-llama/Llama-3.2-1B", "name": "Llama-3.2-1B", "licence": "llama3.2"}
NOTICE = (
    "Llama 3.2 is licensed under the Llama 3.2 Community License, Copyright © Meta Platforms, Inc. All Rights Reserved."
)


def llama_study(root: Path, **model: Any) -> Path:
    return write_pushable(root, model={**LLAMA, **model})


def test_a_llama_derivative_has_name_sign_copy_notice_and_licence(hub: FakeHub, tmp_path: Path) -> None:
    assert run_push(llama_study(tmp_path)).exit_code == 0
    files = hub.repositories["model/ada/Llama-3.2-1B-reviews-lora-seed1"].files
    card = files["README.md"].decode()
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "llama3.2"
    assert card.partition("# Llama-3.2-1B-reviews-lora-seed1\n\n")[2].startswith("**Built with Llama**\n")
    assert files["NOTICE.txt"].decode() == f"{NOTICE}\n"
    copy = files["LICENSE.txt"].decode()
    assert copy.startswith(
        "LLAMA 3.2 COMMUNITY LICENSE AGREEMENT\n\nLlama 3.2 Version Release Date: September 25, 2024"
    )
    assert "include “Llama” at the beginning of any such AI model name" in copy
    assert NOTICE in copy
    assert copy.rstrip().endswith("dispute arising out of this Agreement.")


@pytest.mark.parametrize("name", ["sentiment", "my-Llama", "llama-sentiment", "Lama"])
def test_a_name_that_the_licence_forbids_is_refused(hub: FakeHub, tmp_path: Path, name: str) -> None:
    result = run_push(llama_study(tmp_path), "--repo", f"ada/{name}")
    assert result.exit_code == 2
    assert f"Found: the repository would be called {name}-reviews-lora-seed1" in result.stderr
    assert (
        "Llama 3.2 Community License demands that the name of a model made from this base begins with" in result.stderr
    )
    mend = re.search(r"--repo (\S+)", result.stderr)
    assert mend
    assert mend[1] == f"ada/Llama-{name}-reviews-lora-seed1"
    assert hub.count("POST ") == 0
    dry = run_push(llama_study(tmp_path / "dry"), "--repo", f"ada/{name}", "--dry-run")
    assert dry.exit_code == 2


def test_a_base_folder_of_another_name_is_given_a_name_that_is_allowed(tmp_path: Path) -> None:
    result = run_push(llama_study(tmp_path, id="models/base-1b", name="base-1b"), "--dry-run")
    assert "model YOUR-ACCOUNT/Llama-base-1b-reviews-lora-seed1 (public)" in result.stdout


def test_the_licence_beside_the_base_goes_along_as_it_is(hub: FakeHub, tmp_path: Path) -> None:
    base = tmp_path / "models" / "Llama-3.2-1B"
    base.mkdir(parents=True)
    (base / "LICENSE.txt").write_text("the agreement as it came", encoding="utf-8")
    (base / "USE_POLICY.md").write_text("the policy", encoding="utf-8")
    (base / "secret.txt").write_text("no licence", encoding="utf-8")
    assert run_push(llama_study(tmp_path, id=str(base))).exit_code == 0
    files = hub.repositories["model/ada/Llama-3.2-1B-reviews-lora-seed1"].files
    assert files["LICENSE.txt"] == b"the agreement as it came"
    assert files["USE_POLICY.md"] == b"the policy"
    assert files["NOTICE.txt"].decode() == f"{NOTICE}\n"
    assert "secret.txt" not in files


def test_without_a_copy_of_a_licence_that_demands_one_nothing_is_pushed(hub: FakeHub, tmp_path: Path) -> None:
    file = llama_study(tmp_path, id="meta-llama/Llama-3.1-8B", name="Llama-3.1-8B", licence="llama3.1")
    result = run_push(file)
    assert result.exit_code == 2
    assert "Found: there is no copy of the Llama 3.1 Community License beside the base model" in result.stderr
    place = folder_of(file) / "licence"
    assert f"put the base model's LICENSE into {place}" in result.stderr
    place.mkdir()
    (place / "LICENSE").write_text("LLAMA 3.1 COMMUNITY LICENSE AGREEMENT", encoding="utf-8")
    assert run_push(file).exit_code == 0
    files = hub.repositories["model/ada/Llama-3.1-8B-reviews-lora-seed1"].files
    assert files["LICENSE"] == b"LLAMA 3.1 COMMUNITY LICENSE AGREEMENT"
    assert "Llama 3.1 is licensed under" in files["NOTICE.txt"].decode()


@pytest.mark.parametrize(
    "model",
    [
        {"id": "meta-llama/Llama-3.2-1B", "licence": "apache-2.0"},
        {"id": "somebody/Llama-3.2-1B-copy", "licence": "mit"},
        {"id": "embedded", "name": "Meta-Llama-3.2-1B", "licence": "mit"},
        {"id": "embedded", "url": "https://huggingface.co/meta-llama/Llama-3.2-1B", "licence": "other"},
        {"id": "meta-llama/Llama-3.2-1B", "licence": "llama3.1"},
    ],
)
def test_another_licence_than_the_base_models_own_is_refused(tmp_path: Path, model: dict[str, str]) -> None:
    result = run_push(write_pushable(tmp_path, model=model), "--dry-run")
    assert result.exit_code == 2
    assert "makes it llama3.2" in result.stderr
    assert "correct `licence:` under `model:` in the study file: llama3.2" in result.stderr


def test_the_card_beside_the_weights_counts_too(tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: llama3.2\n---\n# A model\n", encoding="utf-8")
    result = run_push(write_pushable(tmp_path, model={"id": str(base), "licence": "mit"}), "--dry-run")
    assert result.exit_code == 2
    assert "the card beside its weights makes it llama3.2" in result.stderr


@pytest.mark.parametrize("name", ["SmolLM2-135M", "TinyLlama-1.1B", "open_llama_3b", "llama-160m", "Llama-guard"])
def test_models_that_only_sound_like_it_are_free(tmp_path: Path, name: str) -> None:
    model = {"id": "embedded", "name": name, "licence": "apache-2.0"}
    result = run_push(write_pushable(tmp_path, model=model), "--dry-run", "--repo", "ada/any")
    assert result.exit_code == 0, result.output


def test_a_study_without_a_licence_is_not_pushed(tmp_path: Path) -> None:
    result = run_push(write_pushable(tmp_path, model={"id": "embedded", "name": "small"}), "--dry-run")
    assert result.exit_code == 2
    assert "Found: the study file names no licence of its base model" in result.stderr
    assert "add `licence:` under `model:`" in result.stderr


def test_a_licence_that_the_hub_does_not_know_is_other_with_its_name(tmp_path: Path) -> None:
    model = {"id": "embedded", "name": "small", "licence": "House licence 1", "url": "https://house.test/licence"}
    text = run_push(write_pushable(tmp_path, model=model), "--dry-run").stdout
    assert "license: other\nlicense_name: House licence 1\n" in text


def test_llama_3_asks_for_its_own_number(hub: FakeHub, tmp_path: Path) -> None:
    file = llama_study(tmp_path, id="meta-llama/Meta-Llama-3-8B", name="base", licence="llama3")
    (folder_of(file) / "licence").mkdir()
    (folder_of(file) / "licence" / "LICENSE").write_text("META LLAMA 3", encoding="utf-8")
    assert run_push(file, "--repo", "ada/Llama-8B").exit_code == 2
    result = run_push(file)
    assert result.exit_code == 0, result.output
    card = hub.repositories["model/ada/Llama-3-base-reviews-lora-seed1"].files["README.md"].decode()
    assert "**Built with Meta Llama 3**" in card


def test_llama_2_binds_no_name() -> None:
    assert TERMS["llama2"].begins == ""
    assert TERMS["llama2"].notice.startswith("Llama 2 is licensed under the LLAMA 2 Community License, ")
