"""A checkpoint and a base of the Hub: what is needed is fetched, and each is known by its commit."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "hub_server"))

from checkpoints import write_lora
from fake_hub import running
from folders import settings, state
from hub_clients import environment, run


def test_both_are_fetched_from_the_hub_and_known_by_their_commits(tiny_model: Path, tmp_path: Path) -> None:
    adapter = write_lora(tiny_model, tmp_path / "adapter", tokenizer=True)
    settings(adapter, base_model_name_or_path="ada/base")
    files = {path.name: path.read_bytes() for path in adapter.iterdir()}
    files |= {"trainer_state.json": json.dumps(state(8)).encode(), "optimizer.pt": b"never fetched"}
    words = [
        sys.executable,
        "-m",
        "aftertune",
        "read-checkpoint",
        "ada/mine",
        "--output",
        str(tmp_path / "out"),
        "--base",
    ]
    with running() as hub:
        base = hub.add("model", "ada/base", files={path.name: path.read_bytes() for path in tiny_model.iterdir()})
        hub.add("model", "ada/other", files={path.name: path.read_bytes() for path in tiny_model.iterdir()})
        mine = hub.add("model", "ada/mine", files=files)
        env = environment(tmp_path / "home", hub)
        done = run([*words, "ada/base"], env=env)
        assert done.returncode == 0, done.stderr
        other = run([*words, "ada/other"], env=env)
    record = json.loads((tmp_path / "out" / "finetune.json").read_text())
    commit = mine.heads["main"]
    assert {key: record["elsewhere"][key] for key in ("path", "revision", "fingerprint", "kind")} == {
        "path": "ada/mine", "revision": commit, "fingerprint": commit, "kind": "adapter",
    }  # fmt: skip
    assert record["base"]["fingerprint"] == base.heads["main"]
    assert (record["checkpoint"], record["steps"]) == ("mine", 8)
    assert not list((tmp_path / "home").rglob("optimizer.pt"))
    assert other.returncode == 2
    assert "the adapter ada/mine was trained on ada/base, and is loaded on ada/other" in other.stderr
