"""Threads and dtype are the fastest of what a probe finds; what the environment says is not questioned."""

import pytest
import torch

from harness_tasks import machine


@pytest.fixture
def eight_threads(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A processor whose threads torch is told of, and what it was told last."""
    told = {"threads": 8}
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: told["threads"])
    monkeypatch.setattr(torch, "set_num_threads", lambda number: told.update(threads=number))
    return told


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({8: 1.0, 4: 2.0, 2: 4.0, 1: 8.0}, 8),  # all cores are ours
        ({8: 1.0, 4: 0.95, 2: 2.0, 1: 4.0}, 8),  # fewer must win by a tenth
        ({8: 9.0, 4: 4.0, 2: 3.0, 1: 3.1}, 2),  # others work on most of them
        ({8: 9.0, 4: 10.0, 2: 5.0, 1: 2.0}, 1),
    ],
)
def test_fewer_threads_where_they_are_faster(
    seconds: dict[int, float], chosen: int, eight_threads: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_seconds", lambda dtype, device: [9.0, seconds[eight_threads["threads"]]])
    assert machine.fast_threads("float32") == chosen
    assert eight_threads["threads"] == 8  # the probe leaves it as it was


def test_threads_of_the_environment_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(machine, "_seconds", lambda dtype, device: pytest.fail("a probe was made"))
    assert machine.fast_threads("float32") == torch.get_num_threads()


@pytest.mark.parametrize(("bfloat16", "chosen"), [(0.5, "bfloat16"), (0.7, "float32"), (3.0, "float32")])
def test_bfloat16_must_win_by_half(bfloat16: float, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    took = {"bfloat16": [9.0, bfloat16], "float32": [1.0, 9.0]}  # the shortest counts
    monkeypatch.setattr(machine, "_seconds", lambda dtype, device: took[dtype])
    threads = torch.get_num_threads()
    assert machine.fast_dtype() == chosen
    assert torch.get_num_threads() == threads
