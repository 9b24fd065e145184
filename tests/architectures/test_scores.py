"""On every architecture `hf-shared` answers what `hf` answers of a row alone, whatever is read beside it."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from families import FAMILIES
from lm_eval.models.huggingface import HFLM
from safetensors.torch import load_file, save_file
from scores_by_class import difference, scores, scores_alone

from harness_tasks.errors import UserError
from harness_tasks.models.loading import refuse_unfilled
from harness_tasks.models.shared_lm import SharedLM

WORST = ("llama-dynamic", "gpt-neo", "phi3-longrope", "qwen2", "llama4", "mamba2")
"""Frequencies by the longest sequence so far, local layers, frequencies by the longest row, windows in some layers,
chunks, states: what a trial of a few tokens, or in a batch, does not find."""
OTHERS = [pytest.param(family.name, marks=pytest.mark.slow) for family in FAMILIES if family.name not in WORST]
NOT_READ_IN_PARTS = {"gpt-neo", "qwen2", "llama4", "mamba2"}


@pytest.mark.parametrize("name", [*WORST, *OTHERS])
def test_likelihoods_and_texts_are_those_of_hf(model_of: Callable[[str], Path], name: str) -> None:
    # lm_eval cuts at the positions of a configuration, beyond which `dynamic` begins
    options: dict[str, Any] = {"dtype": "float32", "device": "cpu"} | ({"max_length": 512} if "dyn" in name else {})
    folder = str(model_of(name))
    if name == "llama-dynamic":  # `hf` keeps the frequencies of the longest sequence that it has read so far
        expected = scores_alone(lambda: HFLM(pretrained=folder, batch_size=1, **options))
    else:
        expected = scores(HFLM(pretrained=folder, batch_size=1, **options))
    assert len(set(expected[1])) > 4
    for rows in (1, 4):
        lm = SharedLM(pretrained=folder, batch_size=rows, **options)
        largest, differing = difference(scores(lm), expected)
        assert largest < 1e-4
        assert differing == 0
        if name in WORST:
            assert (lm.reader is None) == (name in NOT_READ_IN_PARTS)


@pytest.mark.parametrize("name", [*WORST, *OTHERS])
def test_a_checkpoint_that_lacks_a_weight_is_told_from_a_whole_one(
    model_of: Callable[[str], Path], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = model_of(name)
    capsys.readouterr()
    refuse_unfilled(str(folder), revision=None)
    assert capsys.readouterr().err == ""
    lacking = shutil.copytree(folder, tmp_path / "lacking")
    weights = load_file(folder / "model.safetensors")
    # An expert's matrix that lacks is an error of transformers: the others no longer make the fused one.
    alone = [tensor for tensor in weights if "expert" not in tensor]
    gone = max(alone, key=lambda tensor: (re.findall(r"\d+", tensor) or ["0"], "norm" in tensor or "ln" in tensor))
    others = {tensor: value for tensor, value in weights.items() if tensor != gone}
    save_file(others, lacking / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="has no weights for 1 tensors of"):
        refuse_unfilled(str(lacking), revision=None)
