"""Classifiers as lm_eval's models: against one forward a prompt, written out, and in every way of loading."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lm_eval
import pytest
import torch
from instances import asked
from lm_eval.api.instance import Instance
from random_heads import write_adapter, write_head

from harness_tasks import TASKS_PATH, UserError
from harness_tasks.loading import load_task, task_manager
from harness_tasks.models.seqcls import SequenceClassifierLM

PROMPTS = ["A fine film.", "Bad", "It goes on and on, and then some.", "A fine film.", "über"]


def requests_of(prompts: list[str], choices: tuple[str, ...] = (" negative", " positive")) -> list[Instance]:
    """As lm_eval makes them of a multiple-choice task."""
    return [
        asked("loglikelihood", prompt, choice, doc={"text": prompt}, idx=idx, doc_id=doc_id)
        for doc_id, prompt in enumerate(prompts)
        for idx, choice in enumerate(choices)
    ]


def read(answers: list[tuple[float, bool]], labels: int = 2) -> torch.Tensor:
    return torch.tensor([score for score, _ in answers]).view(-1, labels)


@pytest.fixture(scope="module")
def whole(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_head(tiny_model, tmp_path_factory.mktemp("heads") / "classifier", "SEQ_CLS")


def expected(model: Any, tokenizer: Any, prompts: list[str]) -> torch.Tensor:
    """The head's outputs at each prompt's last token: the body and the head called apart, a prompt at a time."""
    rows = []
    for prompt in prompts:
        ids = torch.tensor([tokenizer(prompt)["input_ids"]])
        with torch.no_grad():
            rows.append(model.score(model.model(ids).last_hidden_state[0, -1]).log_softmax(-1))
    return torch.stack(rows)


@pytest.mark.parametrize("batch_size", [1, 3, "16"])
def test_scores_are_those_of_the_last_token(whole: Path, batch_size: int | str) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    lm = SequenceClassifierLM(str(whole), device="cpu", batch_size=batch_size)
    answers = lm.loglikelihood(requests_of(PROMPTS))
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(whole), AutoTokenizer.from_pretrained(whole)
    wanted = expected(model, tokenizer, PROMPTS)
    torch.testing.assert_close(read(answers), wanted, atol=1e-5, rtol=0)
    assert wanted.std(0).max() > 0.1  # the prompts tell apart
    greedy = torch.tensor([is_greedy for _, is_greedy in answers]).view(-1, 2)
    assert greedy.int().argmax(-1).tolist() == wanted.argmax(-1).tolist()
    assert greedy.sum(-1).tolist() == [1] * len(PROMPTS)


def test_one_forward_serves_all_choices_and_equal_prompts(whole: Path) -> None:
    lm = SequenceClassifierLM(str(whole), device="cpu", batch_size=2)
    seen: list[int] = []
    lm.model.register_forward_pre_hook(
        lambda _, given, named: seen.append(named["input_ids"].shape[0]), with_kwargs=True
    )
    lm.loglikelihood(requests_of(PROMPTS))
    assert seen == [2, 2]  # four prompts differ


def test_only_a_part_of_a_documents_requests_may_come(whole: Path) -> None:
    """lm_eval's cache holds the answers to the others."""
    lm = SequenceClassifierLM(str(whole), device="cpu")
    every = requests_of(PROMPTS)
    scores = [score for score, _ in lm.loglikelihood(every)]
    assert [score for score, _ in lm.loglikelihood(every[3:])] == pytest.approx(scores[3:])


def test_an_adapter_on_a_language_model_brings_its_head(tiny_model: Path, tmp_path: Path) -> None:
    """Three labels, which nothing but the adapter's own head tells; the base's output layer has none."""
    from peft import PeftModel
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    adapter = write_adapter(tiny_model, tmp_path / "adapter", "SEQ_CLS", labels=3)
    lm = SequenceClassifierLM(str(tiny_model), peft=str(adapter), device="cpu", batch_size=4)
    answers = lm.loglikelihood(requests_of(PROMPTS, (" a", " b", " c")))
    base = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=3)
    model = PeftModel.from_pretrained(base, adapter).base_model.model
    wanted = expected(model, AutoTokenizer.from_pretrained(tiny_model), PROMPTS)
    torch.testing.assert_close(read(answers, 3), wanted, atol=1e-5, rtol=0)
    # base 26,880, head 3 x 32, LoRA of rank 2 on q (32 to 32) and v (32 to 16) of two layers
    assert lm.get_model_info()["model_num_parameters"] == 26_880 + 96 + 2 * 2 * ((32 + 32) + (32 + 16))


def test_a_bfloat16_base_keeps_its_adapters_head_in_float32(tiny_model: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tiny_model, tmp_path / "adapter", "SEQ_CLS")
    lm = SequenceClassifierLM(str(tiny_model), peft=str(adapter), device="cpu", dtype="bfloat16")
    dtypes = {name: weights.dtype for name, weights in lm.model.named_parameters()}
    assert dtypes["base_model.model.score.modules_to_save.default.weight"] == torch.float32
    assert dtypes["base_model.model.model.embed_tokens.weight"] == torch.bfloat16
    exact = SequenceClassifierLM(str(tiny_model), peft=str(adapter), device="cpu", dtype="float32")
    requests = requests_of(PROMPTS)
    torch.testing.assert_close(read(lm.loglikelihood(requests)), read(exact.loglikelihood(requests)), atol=0.1, rtol=0)


def test_an_adapter_without_its_head_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    adapter = write_adapter(tiny_model, tmp_path / "adapter", "SEQ_CLS")
    weights = load_file(adapter / "adapter_model.safetensors")
    save_file({k: v for k, v in weights.items() if "score" not in k}, adapter / "adapter_model.safetensors")
    with pytest.raises(UserError, match=r"no weights for 1 tensors of LlamaForSequenceClassification, the first score"):
        SequenceClassifierLM(str(tiny_model), peft=str(adapter), device="cpu")


def test_the_checkpoints_own_padding_token_counts(tiny_model: Path, tmp_path: Path) -> None:
    """Padded with the bytes of "x", a prompt that ends with "x" has no last token to read, whatever its batch."""
    folder = write_head(tiny_model, tmp_path / "classifier", "SEQ_CLS")
    lm = SequenceClassifierLM(str(folder), device="cpu", batch_size=8)
    wanted = read(lm.loglikelihood(requests_of(PROMPTS)))
    config = (folder / "config.json").read_text()
    (x,) = lm.tokenizer.encode("x", add_special_tokens=False)
    (folder / "config.json").write_text(config.replace('"pad_token_id": 0', f'"pad_token_id": {x}'))
    other = SequenceClassifierLM(str(folder), device="cpu", batch_size=8)
    assert (lm.pad_id, other.pad_id) == (0, x)
    torch.testing.assert_close(read(other.loglikelihood(requests_of(PROMPTS))), wanted, atol=1e-5, rtol=0)
    with pytest.raises(UserError, match="the prompt 'not in the mix' ends with the padding token") as caught:
        other.loglikelihood(requests_of(["not in the mix"]))
    assert "the last one that is no padding" in caught.value.why


def test_too_long_a_prompt_loses_its_beginning(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lm = SequenceClassifierLM(str(whole), device="cpu", max_length=8)
    # 8 bytes and the beginning are 9 tokens, of which the last 8 are read
    cut, kept = lm.loglikelihood(requests_of(["abcdefgh"])), lm.loglikelihood(requests_of(["abcdefg"]))
    assert "Warning: 1 of 1 inputs are longer than 8 tokens; their beginnings are not read." in capsys.readouterr().err
    lm.max_length = 4096
    assert lm.loglikelihood(requests_of(["abcdefg"])) == kept
    assert (read(lm.loglikelihood(requests_of(["abcdefgh"]))) - read(cut)).abs().max() > 0.01


@pytest.mark.parametrize(
    ("labels", "choices", "found"),
    [
        (("a", "b"), (" a", " b", " c"), "a_task asks for 3 choices, and the classifier has 2 labels"),
        (("a", "b", "c"), (" a", " b"), "a_task asks for 2 choices, and the classifier has 3 labels"),
        (("Yes", "No"), (" no", " yes"), "the classifier's labels are Yes, No, and the choices of a_task no, yes"),
    ],
)
def test_labels_that_are_not_the_choices(
    tiny_model: Path, tmp_path: Path, labels: tuple[str, ...], choices: tuple[str, ...], found: str
) -> None:
    folder = write_head(tiny_model, tmp_path / "classifier", "SEQ_CLS", labels=labels)
    with pytest.raises(UserError, match=found):
        SequenceClassifierLM(str(folder), device="cpu").loglikelihood(requests_of(PROMPTS, choices))


def test_other_names_for_the_choices_are_told(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lm = SequenceClassifierLM(str(whole), device="cpu")
    lm.loglikelihood(requests_of(["A film."], (" bad", " good")))
    assert "Warning: the classifier's labels are negative, positive; they stand" in capsys.readouterr().err
    lm.loglikelihood(requests_of(["A film."]))
    assert "Warning" not in capsys.readouterr().err


def test_a_task_is_scored_as_by_hand(whole: Path) -> None:
    """Through lm_eval's evaluator, on the demo's own prompts, with a fixed number of items."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    lm = SequenceClassifierLM(str(whole), device="cpu", batch_size=4)
    results = lm_eval.simple_evaluate(
        model=lm, tasks=["reviews_demo"], task_manager=task_manager(TASKS_PATH), limit=6, bootstrap_iters=0
    )
    task = load_task("reviews_demo")
    docs = [task.eval_docs[i] for i in range(6)]
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(whole), AutoTokenizer.from_pretrained(whole)
    wanted = expected(model, tokenizer, [task.doc_to_text(doc) for doc in docs]).argmax(-1)
    right = [int(label) == doc["label"] for label, doc in zip(wanted, docs, strict=True)]
    assert results["results"]["reviews_demo"]["acc,none"] == sum(right) / 6


def test_the_chat_template_is_applied_as_by_hf(whole: Path, tiny_model: Path) -> None:
    from lm_eval.models.huggingface import HFLM

    lm, hf = SequenceClassifierLM(str(whole), device="cpu"), HFLM(pretrained=str(tiny_model), device="cpu")
    chat = [{"role": "user", "content": "Good?"}]
    assert lm.chat_template(True) == hf.chat_template(True)
    assert lm.apply_chat_template(chat) == hf.apply_chat_template(chat)
    assert lm.apply_chat_template(chat, False) == hf.apply_chat_template(chat, False)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda folder: SequenceClassifierLM(folder, batch_size="auto"), "a batch size of auto"),
        (lambda folder: SequenceClassifierLM(folder, add_bos_token=True), "the model argument add_bos_token"),
        (
            lambda folder: SequenceClassifierLM(folder, device="cpu").generate_until([]),
            "a task that asks hf-seqcls to write an answer",
        ),
        (
            lambda folder: SequenceClassifierLM(folder, device="cpu").loglikelihood_rolling([]),
            "a task that asks hf-seqcls to give a text its perplexity",
        ),
    ],
)
def test_what_the_class_cannot_do(whole: Path, make: Callable[[str], Any], found: str) -> None:
    with pytest.raises(UserError, match=found):
        make(str(whole))


def test_a_checkpoint_without_a_padding_token_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    folder = write_head(tiny_model, tmp_path / "classifier", "SEQ_CLS")
    for name, old in (("config.json", '"pad_token_id": 0'), ("tokenizer_config.json", '"pad_token": "<pad>"')):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, old.split(":")[0] + ": null"))
    with pytest.raises(UserError, match="nor its tokenizer names a padding token"):
        SequenceClassifierLM(str(folder), device="cpu")
