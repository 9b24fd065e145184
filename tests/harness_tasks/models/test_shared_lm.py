"""`hf-shared` answers what lm_eval's `hf` answers, and reads what requests share once."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import asked
from lm_eval.models.huggingface import HFLM

from harness_tasks.models import batched_inference
from harness_tasks.models.prefixes import share
from harness_tasks.models.shared_lm import SharedLM

LETTERS = "abcdefgh \n"


@pytest.fixture(scope="module")
def plain(tiny_model: Path) -> HFLM:
    return HFLM(pretrained=str(tiny_model), dtype="float32", device="cpu", batch_size=4)


@pytest.fixture(scope="module")
def ours(tiny_model: Path) -> SharedLM:
    lm = SharedLM(pretrained=str(tiny_model), dtype="float32", device="cpu", batch_size=3)
    assert lm.reader is not None
    return lm


def configure(lm: SharedLM, rows: int, memory_gb: float = 1.0) -> batched_inference.BatchedModel:
    assert lm.reader is not None
    lm.reader.rows, lm.reader.memory_bytes, lm.reader.tokens_read = rows, int(memory_gb * 1e9), 0
    return lm.reader


def written(seed: int, most: int) -> str:
    draw = random.Random(seed)
    return "".join(draw.choice(LETTERS) for _ in range(draw.randint(1, most)))


contexts = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 30)).map(
        lambda parts: (
            written(parts[0], 60) * (parts[0] > 0) + written(parts[1], 30) * (parts[1] > 0) + written(parts[2], 9)
        )
    ),
    min_size=1,
    max_size=12,
)
"""Prompts of which many begin alike, at two depths; some are the same, some the beginning of another."""


@given(contexts=contexts, rows=st.integers(1, 6), memory=st.sampled_from([1e-6, 2e-4, 1.0]))
@settings(max_examples=60, deadline=None)
def test_likelihoods_are_those_of_hf(
    plain: HFLM, ours: SharedLM, contexts: list[str], rows: int, memory: float
) -> None:
    configure(ours, rows, memory)
    requests = [asked("loglikelihood", context, own) for context in contexts for own in (" a", "b", " cd\n", "abcdefg")]
    expected = plain.loglikelihood(requests, disable_tqdm=True)
    found = ours.loglikelihood(requests, disable_tqdm=True)
    for (value, likeliest), (wanted, is_likeliest) in zip(found, expected, strict=True):
        assert value == pytest.approx(wanted, abs=1e-4)
        assert likeliest == is_likeliest


@given(
    contexts=contexts,
    rows=st.integers(1, 6),
    memory=st.sampled_from([1e-6, 2e-4, 1.0]),
    stop=st.lists(st.sampled_from(["a", "bb", "\n", "gg", "cab"]), max_size=3),
    limit=st.integers(1, 12),
)
@settings(max_examples=60, deadline=None)
def test_generations_are_those_of_hf(
    plain: HFLM, ours: SharedLM, contexts: list[str], rows: int, memory: float, stop: list[str], limit: int
) -> None:
    configure(ours, rows, memory)
    requests = [asked("generate_until", text, {"until": stop, "max_gen_toks": limit}) for text in contexts]
    assert ours.generate_until(requests, disable_tqdm=True) == plain.generate_until(requests, disable_tqdm=True)


def test_what_is_shared_is_read_once(ours: SharedLM) -> None:
    read = configure(ours, 4)
    prefix = "a" * 50
    requests = [asked("loglikelihood", prefix + letter * 3, end) for letter in "bcdefg" for end in ("x", "y")]
    ours.loglikelihood(requests, disable_tqdm=True)
    encoded = ours.tok_encode(prefix + "bbb")
    own = len(encoded) - len(ours.tok_encode(prefix))
    assert read.tokens_read == len(encoded) - own + 6 * own  # twelve requests, six contexts, one beginning


def test_the_same_generation_is_written_once(ours: SharedLM) -> None:
    read = configure(ours, 4)
    settings_ = {"until": ["\n\n\n"], "max_gen_toks": 4}
    texts = ours.generate_until([asked("generate_until", "abc", settings_)] * 5, disable_tqdm=True)
    assert len(set(texts)) == 1
    assert read.tokens_read <= len(ours.tok_encode("abc")) + 3  # the fourth token is written, and not read again


def test_the_vocabulary_is_computed_where_it_is_scored(ours: SharedLM) -> None:
    positions = 0

    def counted(module: Any, given: Any, out: torch.Tensor) -> None:
        nonlocal positions
        positions += out.shape[0] * out.shape[1]

    hook = configure(ours, 4).model.lm_head.register_forward_hook(counted)
    ours.loglikelihood([asked("loglikelihood", text, end) for text in ("ab", "cde" * 9) for end in ("x", "y")])
    hook.remove()
    assert positions == 2


@pytest.mark.parametrize("otherwise", ["it gives something else", "it raises"])
def test_a_model_that_reads_otherwise_is_scored_as_hf_does(
    tiny_model: Path,
    plain: HFLM,
    otherwise: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def forward(*_: object) -> torch.Tensor:
        if otherwise == "it raises":
            raise NotImplementedError
        return torch.zeros(2, 1, plain.model.config.vocab_size)

    monkeypatch.setattr(batched_inference.KeyValueSlots, "forward", forward)
    lm = SharedLM(pretrained=str(tiny_model), dtype="float32", device="cpu", batch_size=2)
    assert "cannot be read in parts; it is scored as `hf` does" in capsys.readouterr().err
    assert lm.model.config._attn_implementation == plain.model.config._attn_implementation
    requests = [asked("loglikelihood", "abc", " d"), asked("loglikelihood", "abc", " e")]
    assert lm.loglikelihood(requests, disable_tqdm=True) == plain.loglikelihood(requests, disable_tqdm=True)


def test_sampling_goes_the_way_of_hf(ours: SharedLM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HFLM, "generate_until", lambda self, requests, *_: [f"{len(requests)} by hf"] * len(requests))
    drawn = {"until": ["\n"], "max_gen_toks": 3, "do_sample": True, "temperature": 0.7}
    greedy = {"until": ["\n"], "max_gen_toks": 3}
    requests = [asked("generate_until", "abc", chosen) for chosen in (drawn, greedy, drawn)]
    assert ours.generate_until(requests, disable_tqdm=True)[::2] == ["2 by hf"] * 2


@given(
    sequences=st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=9), max_size=12),
    least=st.integers(1, 6),
    data=st.data(),
)
def test_nodes_and_leaves_give_the_sequences_again(sequences: list[list[int]], least: int, data: st.DataObject) -> None:
    own = [data.draw(st.integers(1, len(sequence))) for sequence in sequences]
    leaves = share(sequences, own, least=least)
    assert sorted(leaf.index for leaf in leaves) == list(range(len(sequences)))
    below: dict[Any, list[Any]] = {}
    for leaf in leaves:
        path = leaf.node.path() if leaf.node else []
        assert [token for node in path for token in node.tokens] + leaf.tokens == sequences[leaf.index]
        assert len(leaf.tokens) >= own[leaf.index]
        for node in path:
            below.setdefault(node, []).append(leaf)
    for node, found in below.items():
        assert node.leaves == len(found)
        assert (len(found) - 1) * len(node.tokens) >= least


def test_results_say_how_the_model_was_asked(tiny_model: Path) -> None:
    lm = SharedLM(pretrained=str(tiny_model), dtype="fast", device="cpu", batch_size="auto", memory_gb=1)
    info = lm.get_model_info()
    assert (info["dtype_asked"], info["memory_gb"], info["sequences_at_most"]) == ("fast", 1.0, 64)
    assert info["threads"] == torch.get_num_threads()
    assert info["model_dtype"] == lm.model.dtype
    assert info["model_num_parameters"] == lm.model.num_parameters()
