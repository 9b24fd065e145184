"""Damaged, huge and hostile files: an optional one is said and stops nothing, a needed one is an error; none is run."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "harness_tasks"))

import folders
from checkpoints import write_full, write_lora
from folders import settings, state, write
from hub_cache import write_commit

from finetune.elsewhere import streaming
from finetune.elsewhere.reading import Asked, read_checkpoint
from harness_tasks.errors import UserError

SECRET = "hf_" + "a1b2c3d4" * 4


@pytest.fixture(scope="module")
def made(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lora(tiny_model, tmp_path_factory.mktemp("made") / "mine", tokenizer=True)


@pytest.fixture
def lora(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "mine"))


def read(checkpoint: Path, base: Path, output: Path) -> dict[str, Any]:
    read_checkpoint(Asked(str(checkpoint), str(base)), output)
    found: dict[str, Any] = json.loads((output / "finetune.json").read_text())
    return found


def unread(record: dict[str, Any]) -> str:
    said = {each["id"]: each for each in record["guards"]}["files"]
    assert said["verdict"] == "warn"
    return str(said["found"])


BOMB = "base_model: x\ndatasets: []\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)
DAMAGED: dict[str, tuple[str, str]] = {
    "a truncated state": ("trainer_state.json", '{"global_step": 8, "log_hist'),
    "a state of other types": ("trainer_state.json", '{"global_step": "many"}'),
    "a state that is a list": ("trainer_state.json", "[1, 2]"),
    "a state nested deeply": ("trainer_state.json", '{"log_history":' + "[" * 100_000),
    "a YAML bomb": ("config.yml", BOMB),
    "a YAML object": ("training_args.yaml", "a: !!python/object/apply:os.system [touch /tmp/run]\n"),
    "a card that is no text": ("README.md", "\udcff\udcfe"),
    "a log that is cut off": ("trainer_log.jsonl", '{"current_steps": 1, "loss": 1.0}\n{"current_st'),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_record_is_said_and_stops_nothing(kind: str, lora: Path, tiny_model: Path, tmp_path: Path) -> None:
    name, content = DAMAGED[kind]
    (lora / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    found = read(lora, tiny_model, tmp_path / "out")
    assert f"could not be read: {name}: " in unread(found)
    assert not {"steps", "loss_curve"} & set(found)
    assert name not in found["elsewhere"]["files"]


def test_a_state_of_100_mb_is_not_read(lora: Path, tiny_model: Path, tmp_path: Path) -> None:
    with open(lora / "trainer_state.json", "wb") as file:
        file.truncate(100 * 2**20)
    assert "larger than 64 MiB" in unread(read(lora, tiny_model, tmp_path / "out"))


def test_a_pipe_and_a_folder_are_not_read(lora: Path, tiny_model: Path, tmp_path: Path) -> None:
    os.mkfifo(lora / "trainer_state.json")
    (lora / "all_results.json").mkdir()
    said = unread(read(lora, tiny_model, tmp_path / "out"))
    assert "it is a pipe, not a file" in said
    assert "it is a folder, not a file" in said


def test_links_out_of_the_folder_are_not_followed(lora: Path, tiny_model: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside.json", state(4))
    (lora / "README.md").unlink()
    (lora / "trainer_state.json").symlink_to(tmp_path / "outside.json")
    (lora / "README.md").symlink_to("/etc/hostname")
    found = read(lora, tiny_model, tmp_path / "out")
    assert "README.md is a link that leads out of the folder" in unread(found)
    assert "trainer_state.json is a link that leads out of the folder" in unread(found)
    assert "steps" not in found


def test_the_hubs_cache_is_one_place(made: Path, tiny_model: Path, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in made.iterdir()}
    files["trainer_state.json"] = json.dumps(state(4)).encode()
    snapshot = write_commit(tmp_path / "cache", "model", "ada/mine", "1" * 40, files)
    assert read(snapshot, tiny_model, tmp_path / "out")["steps"] == 4


def test_a_loss_that_is_no_number_is_said(lora: Path, tiny_model: Path, tmp_path: Path) -> None:
    content = json.dumps(state(8)).replace("2.0,", "NaN,")
    assert "NaN" in content
    (lora / "trainer_state.json").write_text(content)
    found = read(lora, tiny_model, tmp_path / "out")
    assert {"step": 8, "loss": None} in found["loss_curve"]
    shape = {each["id"]: each for each in found["guards"]}["loss-shape"]
    assert (shape["verdict"], shape["found"]) == ("fail", "1 of 8 entries of the loss curve are no number")


def test_no_token_and_no_home_reaches_the_record(lora: Path, tiny_model: Path, tmp_path: Path) -> None:
    values = folders.AXOLOTL | {"base_model": f"/home/ada/{SECRET}", "chat_template": SECRET, "note": "/home/ada/x"}
    write(lora / "config.yml", values)
    (lora / "all_results.json").write_text(json.dumps({"x": SECRET}) + SECRET)
    settings(lora, init_lora_weights=f"/home/ada/{SECRET}")
    read(lora, tiny_model, tmp_path / "out")
    for file in (tmp_path / "out").iterdir():
        text = file.read_text()
        assert SECRET not in text
        assert "/home/ada" not in text
        assert folders.AXOLOTL["wandb_api_key"] not in text


def test_values_of_other_kinds_are_not_recorded(lora: Path, tiny_model: Path, tmp_path: Path) -> None:
    write(lora / "config.yml", folders.AXOLOTL | {"seed": 4.5, "learning_rate": "\ud800", "x" * 99: 1})
    write(lora / "train_results.json", {"train_samples": 7.5, "epoch": "many", "train_runtime": 10**400})
    content = state(4)
    content["log_history"][0] |= {"loss": 10**400, "num_tokens": -5}
    content["log_history"][-1] |= {"eval_\ud800": 1.0}
    write(lora / "trainer_state.json", content)
    found = read(lora, tiny_model, tmp_path / "out")
    assert (found["seed"], found["steps"], found["loss_curve"][0]) == (None, 4, {"step": 1, "loss": None})
    assert not {"rows", "seconds", "tokens"} & {*found, *found["data"]}
    assert found["evaluation_curve"] == [{"step": 4, "loss": 1.5}]


def test_pickled_files_are_never_opened(
    lora: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("training_args.bin", "optimizer.pt", "rng_state_0.pth", "last.ckpt"):
        (lora / name).write_bytes(b"")
        (lora / name).chmod(0)
    opened, real = list[str](), os.open

    def noted(path: Any, *rest: Any, **named: Any) -> int:
        opened.append(str(path))
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "open", noted)
    found = read(lora, tiny_model, tmp_path / "out")
    assert [each["file"] for each in found["not_read"]] == [
        "last.ckpt", "optimizer.pt", "rng_state_0.pth", "training_args.bin",
    ]  # fmt: skip
    assert opened
    assert not [path for path in opened if path.endswith((".bin", ".pt", ".pth", ".ckpt"))]


@pytest.mark.parametrize(
    ("name", "content"),
    [("adapter_config.json", "{"), ("adapter_config.json", '{"r": "all"}'), ("adapter_model.safetensors", "\x10")],
)
def test_a_damaged_file_that_is_needed_is_an_error(
    name: str, content: str, lora: Path, tiny_model: Path, tmp_path: Path
) -> None:
    (lora / name).write_text(content)
    with pytest.raises(UserError, match=name):
        read(lora, tiny_model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_that_are_not_finite_have_no_relative_change(tiny_model: Path, tmp_path: Path) -> None:
    mine = write_full(tiny_model, tmp_path / "mine")
    tensors = load_file(mine / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, mine / "model.safetensors")
    read(mine, tiny_model, tmp_path / "out")
    found = json.loads((tmp_path / "out" / "tensors.json").read_text())
    assert found["not_computed"] == {"model.norm.weight": "it holds values that are not finite"}
    row = next(row for row in found["tensors"] if row["name"] == "model.norm.weight")
    assert (row["trained"], row["relative_change"]) == (True, None)


def test_a_missing_shard_is_an_error(tiny_model: Path, tmp_path: Path) -> None:
    mine = write_full(tiny_model, tmp_path / "mine")
    write(mine / "model.safetensors.index.json", {"weight_map": {"model.norm.weight": "model-00002-of-2.safetensors"}})
    with pytest.raises(UserError, match=r"lacks model-00002-of-2\.safetensors, which its"):
        read(mine, tiny_model, tmp_path / "out")


def test_a_tensor_is_read_in_pieces_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness_tasks.models.weights import tensors_of

    torch.manual_seed(0)
    before = torch.randn(3000, 700)
    after = before.clone()
    after[[0, 1234, 2999]] += 1
    for name, tensor in (("before", before), ("after", after)):
        save_file({"x": tensor}, tmp_path / f"{name}.safetensors")
    monkeypatch.setattr(streaming, "PIECE", 10_000)
    sizes, raw = list[int](), streaming._raw

    def noted(*arguments: Any, **named: Any) -> Any:
        for piece in raw(*arguments, **named):
            sizes.append(len(piece))
            yield piece

    monkeypatch.setattr(streaming, "_raw", noted)
    stored = [tensors_of(tmp_path / f"{name}.safetensors")["x"] for name in ("before", "after")]
    found = streaming.compare(*stored)
    assert max(sizes) == 14 * 700 * 4  # whole rows of at most so many numbers
    assert sum(sizes) == 2 * before.numel() * 4  # each byte once
    assert (found.rows, found.rows_moved) == (3000, 3)
    assert found.relative_change == pytest.approx(
        float((after.double() - before.double()).norm() / before.double().norm()), rel=1e-12
    )


@pytest.mark.slow
def test_two_models_of_a_billion_parameters_take_little_memory(tmp_path: Path) -> None:
    import subprocess

    for which in ("base", "tuned"):
        folder = tmp_path / which
        folder.mkdir()
        write(folder / "config.json", {"architectures": ["LlamaForCausalLM"], "model_type": "llama"})
        names = {}
        for shard in range(8):
            tensor = torch.full((16, 8 * 2**20), 0.5 + shard, dtype=torch.bfloat16)
            tensor[3, 5] += which == "tuned"
            name = f"model-{shard + 1:05d}-of-00008.safetensors"
            save_file({f"model.layers.{shard}.mlp.up_proj.weight": tensor}, folder / name)
            names[f"model.layers.{shard}.mlp.up_proj.weight"] = name
        write(folder / "model.safetensors.index.json", {"weight_map": names})
    words = ["-m", "aftertune", "read-checkpoint", str(tmp_path / "tuned"), "--base", str(tmp_path / "base")]
    running = subprocess.Popen([sys.executable, *words, "--output", str(tmp_path / "out")])
    _, status, used = os.wait4(running.pid, 0)  # RUSAGE_CHILDREN is of all that there ever were
    assert status == 0
    assert used.ru_maxrss < 1_500_000  # in KiB
