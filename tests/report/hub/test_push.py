"""`aftertune push` with the real client against a Hub in memory: what arrives, what is recorded, and twice is once."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_hub import OTHERS, TOKEN, FakeHub

from report.facts.publication import hub_facts
from report.facts.schema.whole import Facts
from report.hub.targets import NOBODY, trained_here
from report.page.build import build_report
from report.verify.report import verify_report
from tests.in_this_process import aftertune
from tests.oracle.random_facts import from_elsewhere
from tests.report.hub.conftest import Push, run_push
from tests.report.pushable_study import write_hashes, write_pushable, write_weights
from tests.report.synthetic import folder_of

REVIEWS, PASSAGES = "reviews-lora-seed1", "passages-lora-seed1"
REPO = f"ada/small-{REVIEWS}"


def record(study: Path, name: str = "hub.json") -> dict[str, dict[str, object]]:
    return json.loads((folder_of(study) / name).read_text(encoding="utf-8"))


def edited(path: Path, edit: Callable[[Any], object]) -> None:
    """Changes the content of a JSON file."""
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def text(hub: FakeHub, repo: str, name: str) -> str:
    return hub.repositories[f"model/{repo}"].files[name].decode()


def test_every_checkpoint_gets_a_repository_with_card_weights_and_records(
    hub: FakeHub, push: Push, study: Path
) -> None:
    result = push()
    assert result.exit_code == 0, result.output
    assert sorted(hub.repositories) == [f"model/ada/small-{name}" for name in (PASSAGES, REVIEWS)]
    found = hub.repositories[f"model/{REPO}"]
    assert sorted(found.files) == [
        ".gitattributes", "README.md", "adapter_config.json", "adapter_model.safetensors", "finetune.json",
        "tensors.json", "tokenizer.json", "tokenizer_config.json", "train_rows.jsonl",
    ]  # fmt: skip
    weights = folder_of(study) / "checkpoints" / REVIEWS / "adapter_model.safetensors"
    assert found.files["adapter_model.safetensors"] == weights.read_bytes()
    assert found.commits == [("main", f"Aftertune: {REVIEWS} of the study trial")]
    assert f"{hub.address}/{REPO} commit {found.heads['main']}\n" in result.stdout


def test_the_card_that_the_hub_shows_can_be_verified(hub: FakeHub, push: Push, study: Path, tmp_path: Path) -> None:
    push()
    build_report(study, output=folder_of(study))
    card, facts = tmp_path / "README.md", folder_of(study) / "facts.json"
    card.write_text(text(hub, REPO, "README.md"), encoding="utf-8")
    assert verify_report(card, facts=facts).problems == []
    assert "value: 0.95\n" in card.read_text(encoding="utf-8")
    card.write_text(text(hub, REPO, "README.md").replace("value: 0.95\n", "value: 0.98\n", 1), encoding="utf-8")
    problems = verify_report(card, facts=facts).problems
    assert [(one.found, one.facts) for one in problems] == [("value: 0.98", "value: 0.95")]


def test_pushing_twice_makes_one_commit_and_leaves_the_record_as_it_is(hub: FakeHub, push: Push, study: Path) -> None:
    push()
    before, uploads = (folder_of(study) / "hub.json").read_bytes(), hub.count("^PUT ")
    result = push()
    assert result.exit_code == 0, result.output
    assert [len(found.commits) for found in hub.repositories.values()] == [1, 1]
    assert (folder_of(study) / "hub.json").read_bytes() == before
    assert hub.count("^PUT ") == uploads == 2
    assert result.stdout.count("nothing to push: it holds the same bytes") == 2


def test_the_record_is_what_the_facts_step_reads(hub: FakeHub, push: Push, study: Path) -> None:
    push()
    entry = record(study)[REVIEWS]
    assert entry["repo"] == REPO
    assert entry["commit"] == hub.repositories[f"model/{REPO}"].heads["main"]
    assert str(entry["checked_at"]).startswith("20")
    assert str(entry["url"]).startswith("http://127.0.0.1")  # a Hub of one's own may have no certificate
    found = hub_facts(folder_of(study), [REVIEWS, "another"])
    assert [one.published for one in found] == [True, False]
    assert found[0].commit.value == entry["commit"]


def test_a_page_made_before_the_push_is_told_to_be_built_again(hub: FakeHub, push: Push, study: Path) -> None:
    build_report(study, output=folder_of(study))
    page = folder_of(study) / "report.md"
    assert verify_report(page).problems == []
    push()
    (problem,) = verify_report(page).problems
    assert problem.place == "hub.json"
    assert problem.found == "written by `aftertune push` after the page"
    assert "run `aftertune build`" in problem.facts
    edited(folder_of(study) / "facts.json", lambda facts: facts["model"]["parameters"].update(value=1))
    assert len(verify_report(page).problems) > 1  # it hides nothing else
    build_report(study, output=folder_of(study))
    assert verify_report(page).problems == []
    assert f"<{hub.address}/{REPO}>" in page.read_text(encoding="utf-8")


def test_a_changed_facts_file_does_not_reach_the_card(push: Push, study: Path) -> None:
    facts = folder_of(study) / "facts.json"
    before = push("--dry-run").stdout
    written = facts.read_text(encoding="utf-8")
    facts.write_text(written.replace("0.95", "0.99"), encoding="utf-8")
    assert facts.read_text(encoding="utf-8") != written
    assert push("--dry-run").stdout == before


def test_what_changed_is_pushed_and_what_is_no_more_ours_goes(hub: FakeHub, push: Push, study: Path) -> None:
    push()
    found = hub.repositories[f"model/{REPO}"]
    hub.keep(found, "main", {**found.files, "notes-of-the-owner.md": b"stays"})
    home = folder_of(study) / "checkpoints" / REVIEWS
    (home / "tokenizer.json").unlink()
    (home / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    result = push()
    assert result.exit_code == 0, result.output
    assert "tokenizer.json" not in found.files
    assert found.files["chat_template.jinja"] == b"{{ messages }}"
    assert found.files["notes-of-the-owner.md"] == b"stays"
    assert len(found.commits) == 2
    assert len(hub.repositories[f"model/ada/small-{PASSAGES}"].commits) == 1


def test_a_private_repository_is_no_link(hub: FakeHub, push: Push, study: Path) -> None:
    result = push("--private")
    assert result.exit_code == 0, result.output
    assert all(found.private for found in hub.repositories.values())
    entry = record(study)[REVIEWS]
    assert entry["private"] is True
    assert "url" not in entry
    assert "checked_at" not in entry
    assert f"{REPO} (not public) commit " in result.stdout
    assert [one.published for one in hub_facts(folder_of(study), [REVIEWS])] == [False]


def test_private_is_refused_where_the_repository_is_public_already(hub: FakeHub, push: Push) -> None:
    found = hub.add("model", REPO)
    result = push("--private")
    assert result.exit_code == 2
    assert f"Found: {REPO} is public already" in result.stderr
    assert found.commits == []


def test_a_pull_request_is_proposed_once_and_grows_with_the_next_push(hub: FakeHub, push: Push, study: Path) -> None:
    names = [f"{OTHERS}/small-{name}" for name in (PASSAGES, REVIEWS)]
    for name in names:
        hub.add("model", name)
    assert push("--repo", f"{OTHERS}/small", "--create-pr").exit_code == 0
    assert push("--repo", f"{OTHERS}/small", "--create-pr").exit_code == 0
    found = hub.repositories[f"model/{names[1]}"]
    assert list(found.files) == [".gitattributes"]
    assert found.commits == [("refs/pr/1", f"Aftertune: {REVIEWS} of the study trial")]
    entry = record(study)[REVIEWS]
    assert entry["pull_request"] == f"{hub.address}/{names[1]}/discussions/1"
    assert "url" not in entry
    edited(study.parent.parent / "build/trial/checkpoints" / REVIEWS / "finetune.json", lambda c: c.update(x=1))
    assert push("--repo", f"{OTHERS}/small", "--create-pr").exit_code == 0
    assert [branch for branch, _ in found.commits] == ["refs/pr/1", "refs/pr/1"]
    assert len(found.proposals) == 1


def test_without_the_right_to_write_a_push_is_refused_with_what_mends_it(hub: FakeHub, push: Push) -> None:
    hub.add("model", f"{OTHERS}/small-{REVIEWS}")
    hub.add("model", f"{OTHERS}/small-{PASSAGES}")
    result = push("--repo", f"{OTHERS}/small")
    assert result.exit_code == 2
    assert "(403)" in result.stderr
    assert "--create-pr" in result.stderr


def test_the_report_goes_to_a_static_space_with_the_links_just_made(hub: FakeHub, push: Push, study: Path) -> None:
    result = push("--space", "trial-report")
    assert result.exit_code == 0, result.output
    found = hub.repositories["space/ada/trial-report"]
    assert found.files["index.html"].startswith(b"<!doctype html>")
    assert "report.html" not in found.files
    assert "sdk: static" in found.files["README.md"].decode()
    assert record(study, "space.json")["space"]["url"] == f"{hub.address}/spaces/ada/trial-report"
    assert push("--space", "trial-report").exit_code == 0
    assert len(found.commits) == 1


def test_a_dry_run_needs_neither_network_nor_token_and_writes_nothing(
    push: Push, study: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a dry run asked the network"))
    before = {path: path.read_bytes() for path in study.parent.parent.rglob("*") if path.is_file()}
    result = push("--dry-run", "--space", "trial-report")
    assert result.exit_code == 0, result.output
    assert {path: path.read_bytes() for path in study.parent.parent.rglob("*") if path.is_file()} == before
    assert f"model {NOBODY}/small-{REVIEWS} (public)" in result.stdout
    assert "## How to load it" in result.stdout
    size = (folder_of(study) / "checkpoints" / REVIEWS / "adapter_model.safetensors").stat().st_size
    assert f"{size:>15,}  adapter_model.safetensors\n" in result.stdout
    assert "not pushed: optimizer.pt\n" in result.stdout
    assert f"space {NOBODY}/trial-report (public)" in result.stdout


def test_without_a_token_or_offline_nothing_begins(
    hub: FakeHub, push: Push, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    result = push()
    assert result.exit_code == 2
    assert "Found: HF_HUB_OFFLINE is set" in result.stderr
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    result = push()
    assert result.exit_code == 2
    assert "run `hf auth login`" in result.stderr
    assert hub.requests == []


def test_nothing_published_holds_home_user_or_token(hub: FakeHub, push: Push, study: Path) -> None:
    places = f"{Path.home()}/models /home/grace/data C:\\Users\\grace\\data hf_abcdefghijklmnopqrstu"
    for name in (REVIEWS, PASSAGES):
        record_file = folder_of(study) / "checkpoints" / name / "finetune.json"
        edited(record_file, lambda content: content.update(command=f"python {places}"))
    result = push("--space", "trial-report")
    assert result.exit_code == 0, result.output
    published = [
        data for found in hub.repositories.values() for files in found.revisions.values() for data in files.values()
    ]
    recorded = [(folder_of(study) / name).read_bytes() for name in ("hub.json", "space.json")]
    for data in [*published, *recorded, result.output.encode()]:
        for secret in (TOKEN, "hf_abcdefghijklmnopqrstu", "grace", f"{Path.home()}/"):
            # A vocabulary may well hold such a word: it is the model's own.
            assert secret.encode() not in data.replace(b'"/root": 0, "/home/ada": 1', b"")
    assert set(hub.tokens) == {TOKEN}
    assert "~/models" in text(hub, REPO, "finetune.json")


def test_weights_whose_header_names_the_home_folder_are_refused(hub: FakeHub, push: Push, study: Path) -> None:
    write_weights(folder_of(study) / "checkpoints" / REVIEWS / "adapter_model.safetensors", b"w", f"{Path.home()}/x")
    write_hashes(folder_of(study) / "checkpoints" / REVIEWS)
    result = push()
    assert result.exit_code == 2
    assert "Found: adapter_model.safetensors holds the path of your home folder" in result.stderr
    assert hub.count("POST /api/repos/create") == 0


def test_texts_of_training_rows_are_cut_short_unless_their_licence_allows_them(
    hub: FakeHub, push: Push, study: Path
) -> None:
    results = folder_of(study) / "scores" / PASSAGES / "passages" / "results.json"
    edited(results, lambda c: c["configs"]["passages"]["metadata"].update(text_licence="CC-BY-4.0"))
    assert push().exit_code == 0
    kept, cut = (json.loads(text(hub, f"ada/small-{name}", "train_rows.jsonl")) for name in (PASSAGES, REVIEWS))
    assert kept["text"] == "one two three four five six seven eight nine ten"
    assert cut["text"].startswith("one two three four five … [sha256 ")
    assert "six" not in cut["text"]
    assert cut["doc_hash"] == "ab" * 32
    assert "its texts are under CC BY 4.0, https://" in text(hub, f"ada/small-{PASSAGES}", "README.md").replace(
        "\\", ""
    )
    assert "of its text the first words and a digest stand there" in text(hub, REPO, "README.md")


def test_an_adapter_names_its_base_on_the_hub_and_not_a_folder(hub: FakeHub, tmp_path: Path) -> None:
    model = {"id": "embedded", "name": "small", "licence": "mit", "url": "https://huggingface.co/maker/small"}
    assert run_push(write_pushable(tmp_path, model=model)).exit_code == 0
    assert json.loads(text(hub, REPO, "adapter_config.json"))["base_model_name_or_path"] == "maker/small"
    assert yaml.safe_load(text(hub, REPO, "README.md").split("---\n")[1])["base_model"] == "maker/small"


def test_without_weights_or_checkpoints_nothing_is_pushed(hub: FakeHub, push: Push, study: Path) -> None:
    (folder_of(study) / "checkpoints" / REVIEWS / "adapter_model.safetensors").unlink()
    result = push()
    assert result.exit_code == 2
    assert "holds no weights in safetensors files" in result.stderr
    assert hub.count("POST ") == 0


@pytest.mark.parametrize("repo", ["ada/a--b", "ada/a b", "ada/" + "x" * 95, "ada/x/y"])
def test_a_name_that_the_hub_does_not_allow_is_refused_first(hub: FakeHub, push: Push, repo: str) -> None:
    result = push("--repo", repo)
    assert result.exit_code == 2
    assert "is not a valid name of a repository" in result.stderr
    assert hub.count("POST ") == 0


def test_a_damaged_record_is_named(hub: FakeHub, push: Push, study: Path) -> None:
    (folder_of(study) / "hub.json").write_text('{"a": 1}', encoding="utf-8")
    result = push()
    assert result.exit_code == 2
    assert "hub.json" in result.stderr


def test_the_command_works_in_a_process_of_its_own(hub: FakeHub, study: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.address,
        "HF_TOKEN": TOKEN,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(tmp_path / "hf"),
    }
    command = [sys.executable, "-m", "report", "push", str(study), "--output", str(folder_of(study))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert len(hub.repositories[f"model/{REPO}"].commits) == 1


def test_checkpoints_from_elsewhere_are_not_pushed(tmp_path: Path) -> None:
    study = from_elsewhere(tmp_path)
    build_report(study, output=folder_of(study), facts_only=True)
    facts = Facts.model_validate_json((folder_of(study) / "facts.json").read_text(encoding="utf-8"))
    assert len(facts.checkpoints) == 3
    assert trained_here(facts) == []
    done = aftertune("push", str(study), "--output", str(folder_of(study)), "--dry-run", folder=tmp_path)
    assert done.exit_code == 2
    assert "no checkpoint of the study trial has been trained" in done.output
