"""Shared fixtures: the real data's folder, a tiny random Llama made once a session, a count of function calls."""

import cProfile
import gc
import os
import pstats
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a machine that others use too is as slow as it is
settings.load_profile("any machine")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # toy models gain nothing from more, and `make test` has a worker a core

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_finish() -> None:
    """Takes what was imported so far out of garbage collection: nothing of it is ever freed.

    Accelerate looks for garbage after each training: without this among half a million objects of torch, transformers
    and lm_eval, for a third of a training test's time.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder with the real SST-2 and SQuAD files; skips where there is none."""
    folder = Path(os.environ.get("AFTERTUNE_DATA", ROOT.parent / "shared" / "data")).resolve()
    if not (folder / "sst2" / "train.tsv").is_file():
        pytest.skip(f"no real data at {folder}: set AFTERTUNE_DATA to the folder that holds sst2/, squad1/ and squad2/")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random two-layer Llama (hidden size 32) and a byte-level tokenizer with a chat template."""
    from studies.tiny_model import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model", seed=0)


@pytest.fixture
def calls_of() -> Callable[..., int]:
    """Calls a function with arguments and returns how many calls that took: its cost, whoever else works."""

    def counted(function: Callable[..., Any], *arguments: Any) -> int:
        profile = cProfile.Profile()
        profile.runcall(function, *arguments)
        return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]

    return counted
