"""Which checkpoint a run resumes from, after a kill in a save, a file cut short, or a full disk."""

import errno
import hashlib
import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from finetune.checkpoints import MARKER, SaveMarker, full_disk_told, last_whole_checkpoint, prepare_scratch
from harness_tasks.errors import UserError


def _save(scratch: Path, step: int, *, whole: bool = True) -> Path:
    """Writes a checkpoint as the trainer would."""
    folder = scratch / f"checkpoint-{step}"
    (folder / "state").mkdir(parents=True)
    save_file({"weight": torch.arange(8.0)}, folder / "model.safetensors")
    (folder / "state" / "optimizer.pt").write_bytes(b"moments")
    if whole:
        state = SimpleNamespace(global_step=step, is_world_process_zero=True)
        SaveMarker(started=time.monotonic()).on_save(SimpleNamespace(output_dir=str(scratch)), state, None)
    return folder


def test_the_newest_whole_checkpoint_is_taken_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert last_whole_checkpoint(tmp_path) is None
    _save(tmp_path, 9)
    newest = _save(tmp_path, 10)  # by number, not by name
    (tmp_path / "finished").mkdir()
    assert last_whole_checkpoint(tmp_path) == newest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-9", "finished"]
    assert capsys.readouterr().err == ""
    files = json.loads((newest / MARKER).read_text())["files"]
    assert files.keys() == {"model.safetensors", "state/optimizer.pt"}
    assert files["state/optimizer.pt"] == hashlib.sha256(b"moments").hexdigest()


def test_only_the_first_process_marks(tmp_path: Path) -> None:
    folder = _save(tmp_path, 5, whole=False)
    state = SimpleNamespace(global_step=5, is_world_process_zero=False)
    SaveMarker(started=0).on_save(SimpleNamespace(output_dir=str(tmp_path)), state, None)
    assert not (folder / MARKER).exists()


def _cut(folder: Path) -> None:
    os.truncate(folder / "state" / "optimizer.pt", 3)


def _missing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _zeros(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(bytes(weights.stat().st_size))  # what a power cut leaves: the size without the content


def _flipped(folder: Path) -> None:
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)


def _unmarked(folder: Path) -> None:
    (folder / MARKER).unlink()


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (_cut, "its state/optimizer.pt is not what was saved (it has another SHA-256)"),
        (_flipped, "its model.safetensors is not what was saved"),
        (_missing, "its model.safetensors is missing"),
        (_zeros, "its model.safetensors is not what was saved"),
        (_unmarked, "it was not saved to its end"),
    ],
)
def test_the_one_before_is_used_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: object, found: str
) -> None:
    whole, broken = _save(tmp_path, 25), _save(tmp_path, 50)
    assert callable(spoil)
    spoil(broken)
    assert last_whole_checkpoint(tmp_path) == whole
    assert not broken.exists()  # else the trainer would count it, and delete a whole one in its place
    said = capsys.readouterr().err
    assert said.startswith(f"warning: checkpoint-50 is not used: {found}")
    assert said.endswith("the run resumes from step 25\n")
    assert last_whole_checkpoint(tmp_path) == whole
    assert capsys.readouterr().err == ""


def test_an_old_one_that_is_half_deleted_is_no_news(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _missing(_save(tmp_path, 25))
    whole = _save(tmp_path, 50)
    assert last_whole_checkpoint(tmp_path) == whole
    assert not (tmp_path / "checkpoint-25").exists()
    assert capsys.readouterr().err == ""


def test_with_none_whole_the_run_starts_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _save(tmp_path, 25, whole=False)
    assert last_whole_checkpoint(tmp_path) is None
    assert capsys.readouterr().err.endswith("the run starts from the beginning\n")


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    # as torch 2.14 and safetensors say it on a file system of one megabyte that is full
    RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"),
    RuntimeError("basic_ios::clear: iostream error"),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
]


@pytest.mark.parametrize("error", FULL, ids=str)
def test_a_full_disk_is_told_with_the_step_to_go_on_from(tmp_path: Path, error: Exception) -> None:
    _save(tmp_path, 25)
    cut_short = _save(tmp_path, 50, whole=False)
    with pytest.raises(UserError) as told, full_disk_told(tmp_path):
        raise error
    assert f"the disk that holds {tmp_path} is full" in told.value.found
    assert "MB free" in told.value.found
    assert told.value.mend.endswith("the same command resumes from step 25")
    assert not cut_short.exists()


def test_other_errors_pass(tmp_path: Path) -> None:
    for error in (OSError(errno.EACCES, "Permission denied"), RuntimeError("shapes differ")):
        with pytest.raises(type(error), match=str(error.args[-1])), full_disk_told(tmp_path):
            raise error


def test_another_runs_checkpoints_are_not_taken_over(tmp_path: Path) -> None:
    scratch, output = tmp_path / "scratch", tmp_path / "output"
    assert prepare_scratch(output, scratch, "one") is False
    _save(scratch, 25)
    prepare_scratch(output, scratch, "one")
    assert last_whole_checkpoint(scratch) is not None
    prepare_scratch(output, scratch, "two")
    assert last_whole_checkpoint(scratch) is None


def test_a_folder_of_somebodys_is_not_emptied_as_scratch(tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.tex").write_text("ten years")
    with pytest.raises(UserError) as caught:
        prepare_scratch(tmp_path / "output", tmp_path / "papers", "one")
    assert "holds thesis.tex, which no training run wrote" in caught.value.found
    assert "--scratch" in caught.value.mend
    assert (tmp_path / "papers" / "thesis.tex").read_text() == "ten years"


def test_a_folder_of_somebodys_is_not_replaced_by_the_embedded_model(tmp_path: Path) -> None:
    from finetune.embedded import write_embedded

    (tmp_path / "thesis.tex").write_text("ten years")
    with pytest.raises(UserError, match="is no earlier copy of the embedded model"):
        write_embedded(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "ten years"
