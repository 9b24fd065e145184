"""A base model of the Hub is recorded by the commit that was loaded, with a network and without."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "hub_server"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "harness_tasks"))

from fake_hub import running
from hub_clients import environment, python, run
from hub_snapshots import FIRST, SECOND, downloaded

from finetune.merge import merge
from finetune.record import base_record, tokenizer_record
from harness_tasks import UserError


def test_the_record_names_the_commit_of_model_and_tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    downloaded(tmp_path, "ada/base", FIRST, "config.json")
    downloaded(tmp_path, "ada/tokens", SECOND, "tokenizer_config.json")
    assert base_record("ada/base", None) == {
        "name": "ada/base", "path": "ada/base", "revision": FIRST, "fingerprint": FIRST,
    }  # fmt: skip
    assert tokenizer_record("ada/tokens") == {"path": "ada/tokens", "revision": SECOND}
    assert tokenizer_record(None) is None
    assert base_record("ada/never-loaded", "main")["fingerprint"] is None


def test_an_adapter_is_not_merged_into_another_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("finetune.models.base_config", lambda *_: None)  # as if the Hub had given it
    downloaded(tmp_path, "ada/base", SECOND, "config.json")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "ada/base"}')
    (adapter / "adapter_model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # of no tensors
    (adapter / "finetune.json").write_text(json.dumps({"base": {"fingerprint": FIRST}}))
    with pytest.raises(UserError) as caught:
        merge(adapter, output=tmp_path / "merged")
    assert caught.value.found == (
        f"the adapter {adapter} was trained on the model with the commit 111111111111…, and ada/base has the commit "
        "222222222222…"
    )


def test_training_without_a_network_records_the_commit_in_the_cache(tmp_path: Path, tiny_model: Path) -> None:
    files = {file.name: file.read_bytes() for file in tiny_model.iterdir()}
    with running() as hub:
        base = hub.add("model", "ada/base", files=files)
        first = base.heads["main"]
        fetch = "import huggingface_hub; huggingface_hub.snapshot_download('ada/base')"
        assert python(fetch, env=environment(tmp_path / "home", hub)).returncode == 0
        hub.keep(base, "main", {**files, "README.md": b"moved"})
    words = ["--model", "ada/base", "--task", "reviews_demo", "--train-rows", "8", "--no-proof", "--device", "cpu"]
    words += ["--batch-size", "8", "--epochs", "1", "--output", str(tmp_path / "made")]
    done = run([sys.executable, "-m", "finetune", "train", *words], env=environment(tmp_path / "home", None))
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "made" / "finetune.json").read_text())
    assert record["base"] == {"name": "ada/base", "path": "ada/base", "revision": first, "fingerprint": first}
    assert json.loads((tmp_path / "made" / "adapter_config.json").read_text())["revision"] == first
