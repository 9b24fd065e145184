"""Lengths in tokens and what was cut, against lm_eval's own encoding and by hand."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from harness_tasks import UserError
from harness_tasks.generations import Ended, ItemGenerations
from harness_tasks.lengths import encode, encode_pair, lengths, write_lengths


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.fixture(scope="module")
def evaluator(tiny_model: Path) -> Any:
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=str(tiny_model), device="cpu", dtype="float32")


@pytest.mark.parametrize("text", ["A fine film.", "<bos>A fine film.", " trailing ", "über"])
def test_encoding_is_lm_evals(tokenizer: Any, evaluator: Any, text: str) -> None:
    assert encode(tokenizer, text) == evaluator.tok_encode(text)
    for choice in (" positive", "no"):
        assert encode_pair(tokenizer, text, choice) == tuple(evaluator._encode_pair(text, choice))


def choice(doc_id: int, prompt: str, *choices: str) -> dict[str, Any]:
    requests = {f"gen_args_{i}": {"arg_0": prompt, "arg_1": text} for i, text in enumerate(choices)}
    return {"doc_id": doc_id, "arguments": requests, "resps": [[["-1.0", "False"]]] * len(choices)}


def answer(doc_id: int, prompt: str, text: str, **limits: int) -> dict[str, Any]:
    requests = {"gen_args_0": {"arg_0": prompt, "arg_1": limits}}
    return {"doc_id": doc_id, "doc_hash": f"hash of {doc_id}", "arguments": requests, "resps": [[text]]}


def noted_of(doc_id: int, tokens: int, ended: Ended) -> ItemGenerations:
    return ItemGenerations(doc_id=doc_id, doc_hash=f"hash of {doc_id}", tokens=[tokens], ended=[ended])


def test_choices(tokenizer: Any) -> None:
    """A byte is a token here, and <bos> one more: "abcd" has five, " no" three and " yes" four.

    A model that takes 8 tokens reads all but the choice's last: 5 + 4 - 1 = 8 fit, one byte more does not.
    """
    header, fits, cut = lengths(
        [choice(3, "abcd", " no", " yes"), choice(4, "abcde", " no", " yes")], tokenizer, max_length_tokens=8
    )
    assert header == {"max_length_tokens": 8, "max_answer_tokens": None}
    nothing = {"answer_tokens": None, "ended": None, "cut_off": None}
    assert fits == {"doc_id": 3, "prompt_tokens": 5, "truncated": False, **nothing}
    assert cut == {"doc_id": 4, "prompt_tokens": 6, "truncated": True, **nothing}


def test_answers(tokenizer: Any) -> None:
    """Of 12 tokens 4 are kept free for the answer: a prompt of 7 bytes and <bos> fits, one of 8 does not."""
    samples = [
        answer(0, "abcdefg", " ok", max_gen_toks=4),
        answer(1, "abcdefgh", " oks", max_gen_toks=4),
        answer(2, "", "", max_new_tokens=4),
    ]
    noted = [noted_of(0, 4, "stop"), noted_of(1, 4, "limit"), noted_of(2, 1, "eos")]
    header, *rows = lengths(samples, tokenizer, max_length_tokens=12, generations=dict(enumerate(noted)))
    assert header == {"max_length_tokens": 12, "max_answer_tokens": 4}
    assert [row["prompt_tokens"] for row in rows] == [8, 9, 1]
    assert [row["answer_tokens"] for row in rows] == [4, 4, 1]
    assert [row["truncated"] for row in rows] == [False, True, False]
    assert [row["ended"] for row in rows] == ["stop", "limit", "eos"]
    assert [row["cut_off"] for row in rows] == [False, True, False]


def test_the_shortest_gold_answer_of_a_question_is_counted(tokenizer: Any) -> None:
    """A byte is a token here: " ab" has three, and " abcdef", with its space, seven."""
    asked = answer(0, "abc", " ok", max_gen_toks=4) | {"doc": {"answers": {"text": ["abcdef", " ab"]}}}
    none = answer(1, "abc", " ok", max_gen_toks=4) | {"doc": {"answers": {"text": []}}}
    other = answer(2, "abc", " ok", max_gen_toks=4) | {"doc": {"answers": "a text"}}
    _, *rows = lengths([asked, none, other], tokenizer, max_length_tokens=12)
    assert [row.get("gold_tokens") for row in rows] == [3, None, None]
    # Four tokens may be written: of the first a space and three letters; the second is written whole.
    assert [row.get("gold_within") for row in rows] == [["abc", "ab"], None, None]
    _, fits = lengths(
        [answer(0, "abc", " ok", max_gen_toks=7) | {"doc": asked["doc"]}], tokenizer, max_length_tokens=12
    )
    assert "gold_within" not in fits


def test_what_was_noted_of_another_document_is_not_taken(tokenizer: Any) -> None:
    samples = [answer(0, "abc", " ok", max_gen_toks=4), answer(1, "abd", " ok", max_gen_toks=4)]
    other = noted_of(1, 4, "limit").model_copy(update={"doc_hash": "another"})
    header, *rows = lengths(
        samples, tokenizer, max_length_tokens=12, model="vllm", generations={0: noted_of(0, 3, "stop"), 1: other}
    )
    assert header["unrecorded"] == "the model class vllm did not record why 1 of 2 generations ended"
    assert [(row["answer_tokens"], row["ended"], row["cut_off"]) for row in rows] == [
        (3, "stop", False),
        (None, None, None),
    ]


def test_a_task_without_a_limit_has_lm_evals(tokenizer: Any, evaluator: Any) -> None:
    assert lengths([answer(0, "a", "b")], tokenizer, max_length_tokens=4096)[0]["max_answer_tokens"] == 256
    assert evaluator.max_gen_toks == 256


def test_what_is_called_truncated_is_what_lm_eval_cuts(tiny_model: Path, tokenizer: Any) -> None:
    """lm_eval's own encoding of a batch, with a model that takes 20 tokens and 4 of them for the answer."""
    from lm_eval.models.huggingface import HFLM

    short = HFLM(pretrained=str(tiny_model), device="cpu", dtype="float32", max_length=20)
    for size in (14, 15, 16, 17):
        prompt = "x" * size
        ids, _ = short.tok_batch_encode([prompt], left_truncate_len=short.max_length - 4)
        cut = ids.shape[1] < len(short.tok_encode(prompt))
        row = lengths([answer(0, prompt, "", max_gen_toks=4)], tokenizer, max_length_tokens=short.max_length)[1]
        assert row["truncated"] == cut
    assert cut  # the longest was


def test_the_results_name_the_tokenizer_and_the_limit(tiny_model: Path, tmp_path: Path) -> None:
    samples, results = tmp_path / "samples.jsonl", tmp_path / "results.json"
    row = {**answer(0, "abc", " ok", max_gen_toks=4), "doc": {}, "doc_hash": "h"}
    samples.write_text(json.dumps(row) + "\n")
    model = {"pretrained": str(tiny_model), "dtype": "float32"}
    results.write_text(json.dumps({"config": {"model_args": model}, "max_length": 4096}))
    write_lengths(samples, results, output=tmp_path / "lengths.jsonl")
    assert [json.loads(line) for line in (tmp_path / "lengths.jsonl").read_text().splitlines()] == [
        {
            "max_length_tokens": 4096,
            "max_answer_tokens": 4,
            "unrecorded": "the model class hf did not record why generations ended",
            "samples_sha256": hashlib.sha256(samples.read_bytes()).hexdigest(),
        },
        {
            "doc_id": 0,
            "prompt_tokens": 4,
            "answer_tokens": None,
            "truncated": False,
            "ended": None,
            "cut_off": None,
        },
    ]


def test_a_results_file_without_a_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"config": {"model_args": null}}')
    with pytest.raises(UserError, match=r"has at `config.model_args` None") as caught:
        write_lengths(tmp_path / "samples.jsonl", tmp_path / "results.json", output=tmp_path / "out")
    assert caught.value.mend == "score the task again with `aftertune score`"


def test_a_tokenizer_that_is_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"config": {"model_args": {"pretrained": "no/such"}}, "max_length": 9}')
    with pytest.raises(UserError, match="the tokenizer of no/such cannot be loaded"):
        write_lengths(tmp_path / "samples.jsonl", tmp_path / "results.json", output=tmp_path / "out")
