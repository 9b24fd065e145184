"""What triggers each guard that can fail before training: options, a tokenizer, a model folder, or data."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toys import toy_rows, with_files, with_tokenizer, word_pieces

NO_PROMPT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}<eos>{% endfor %}"
TWO_STARTS_TEMPLATE = "{{ bos_token }}{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}"


@dataclass(frozen=True)
class Case:
    """What triggers a guard: options beside those of a LoRA run on `toy_choice`, and what the message must say.

    ``make``: is given the tiny model and an empty folder, and returns more options.
    """

    guard: str
    found: str
    mend: str
    options: tuple[str, ...] = ()
    make: Callable[[Path, Path], list[str]] = field(default=lambda model, folder: [])


def tokenizer_option(change: Callable[[Any], Any]) -> Callable[[Path, Path], list[str]]:
    return lambda model, folder: ["--tokenizer", str(with_tokenizer(model, folder / "tokenizer", change))]


def rows_option(change: Callable[[dict[str, list[dict[str, Any]]]], None]) -> Callable[[Path, Path], list[str]]:
    def make(model: Path, folder: Path) -> list[str]:
        rows = toy_rows()
        change(rows)
        (folder / "rows.json").write_text(json.dumps(rows))
        return ["--metadata", json.dumps({"rows": str(folder / "rows.json")})]

    return make


def model_option(**files: Any) -> Callable[[Path, Path], list[str]]:
    return lambda model, folder: ["--model", str(with_files(model, folder / "model", **files))]


def bert(model: Path, folder: Path) -> list[str]:
    texts = [row["sentence"] for rows in toy_rows().values() for row in rows] + ["Answer: good bad"]
    return ["--tokenizer", str(word_pieces(folder / "bert", texts))]


def forget_line_breaks(tokenizer: Any) -> None:
    from tokenizers import normalizers

    tokenizer.backend_tokenizer.normalizer = normalizers.Replace("\n", "")


def wider(tokenizer: Any) -> None:
    tokenizer.add_special_tokens({"pad_token": "<filler>"})


def end_everything(tokenizer: Any) -> None:
    from tokenizers import processors

    both = [("<bos>", 1), ("<eos>", 2)]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=both
    )


def hide_labels(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["test"] = [{**row, "label": -1} for row in rows["test"]]


def leak(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["train"][0] = rows["test"][0]


def lengthen(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["train"][0] = {**rows["train"][0], "sentence": "well, " + rows["test"][0]["sentence"] + " at last"}


def hide_training_labels(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["train"] = [{**row, "label": -1} for row in rows["train"]]


CLASSIFIER = ("--head", "sequence-classification")
CASES = {
    "pad that ends a prompt": Case(
        "pad-token",
        "12 of 12 prompts end with the pad token : (id ",
        "whose pad token no prompt ends with",
        CLASSIFIER,
        tokenizer_option(lambda tokenizer: setattr(tokenizer, "pad_token", ":")),
    ),
    "pad without an embedding": Case(
        "pad-token",
        "the pad token <filler> (id 259) lies beyond the model's 259 embeddings",
        "--tokenizer",
        (),
        tokenizer_option(wider),
    ),
    "pad that is the end": Case(
        "pad-is-eos",
        "12 of 12 prompts end with the pad token <eos> (id 2)",
        "whose pad token no prompt ends with",
        (*CLASSIFIER, "--apply-chat-template"),
        tokenizer_option(
            lambda tokenizer: (
                tokenizer.__dict__.update(chat_template=NO_PROMPT_TEMPLATE) or setattr(tokenizer, "pad_token", "<eos>")
            )
        ),
    ),
    "answers without an end": Case(
        "stop-token",
        "12 of 12 answers do not end with an end: this tokenizer has no token for it",
        "correct `until`",
        ("--task", "toy_answer"),
        tokenizer_option(forget_line_breaks),
    ),
    "two starts": Case(
        "bos",
        "12 of 12 rows begin with <bos> (id 1) twice",
        "take the start token out of the chat template",
        ("--apply-chat-template",),
        tokenizer_option(lambda tokenizer: setattr(tokenizer, "chat_template", TWO_STARTS_TEMPLATE)),
    ),
    "another model's start": Case(
        "bos",
        "the tokenizer begins every text with [CLS] (id 2), where the model's start token is ",
        "--allow bos",
        (),
        bert,
    ),
    "another prompt": Case(
        "prompt",
        "the prompts of toy_choice and of toy_reworded differ in doc_to_text",
        "train on toy_reworded itself, or allow it with --allow prompt",
        ("--scored-on", "toy_reworded"),
    ),
    "prompts that end": Case(
        "mask",
        "the tokenizer ends every text, and so every prompt, with <eos> (id 2)",
        "one that adds nothing at the end",
        (),
        tokenizer_option(end_everything),
    ),
    "rows without an answer": Case(
        "mask",
        "12 of 12 rows have nothing to learn",
        "give the task's training rows their answers",
        CLASSIFIER,
        rows_option(hide_training_labels),
    ),
    "long rows": Case(
        "truncation",
        "12 of 12 training rows are longer than max_length = 20 tokens (the longest has ",
        "raise max_length to ",
        ("--max-length", "20"),
    ),
    "a target that is not there": Case(
        "trainable-count",
        "no module called q_prj in LlamaForCausalLM",
        "write q_proj",
        ("--lora-targets", "q_prj"),
    ),
    "an adapter on tied embeddings": Case(
        "tied-embeddings",
        "--lora-targets names embed_tokens, and the model's head is its embedding matrix",
        "leave embed_tokens out of --lora-targets",
        ("--lora-targets", "q_proj,embed_tokens"),
    ),
    "a merged base": Case(
        "merged-base",
        "is itself a merge, with passages-lora added into it",
        "--allow merged-base",
        (),
        model_option(merged_from__json={"adapter": {"checkpoint": "passages-lora", "task": "passages_demo"}}),
    ),
    "a scored row inside a training row": Case(
        "overlap",
        "1 of 6 scored rows of toy_choice (16.7%) resemble a training row: 1 containment",
        "--exclude-overlap toy_choice --min-words 4",
        (),
        rows_option(lengthen),
    ),
    "another vocabulary": Case(
        "tokenizer",
        "of the 259 tokens of the model's own tokenizer, 0 have the same id in ",
        "leave --tokenizer out",
        (),
        bert,
    ),
    "a scored row that is trained on": Case(
        "scored-rows",
        "1 of 6 scored rows of toy_choice are trained on",
        "leave them out with --exclude-overlap identical, as is the default, or allow it with --allow scored-rows",
        ("--exclude-overlap", "none"),
        rows_option(leak),
    ),
    "hidden labels": Case(
        "hidden-labels",
        "6 of 6 scored rows of toy_choice have the label -1",
        "score the validation split",
        (),
        rows_option(hide_labels),
    ),
    "chosen on the scored split": Case(
        "selection-split",
        "the checkpoint is chosen on the split test, and toy_choice is scored on it",
        "--dev-share 0.1, or allow it with --allow selection-split",
        ("--select-on", "test"),
    ),
    "a task with texts in common": Case(
        "related-task",
        "the checkpoint is trained on toy_choice and scored on toy_kin, which share texts",
        "--allow related-task",
        ("--scored-on", "toy_kin"),
    ),
    "a base trained on the task": Case(
        "base-fine-tuned",
        "has been fine-tuned on toy_choice",
        "--allow base-fine-tuned",
        (),
        model_option(finetune__json={"task": "toy_choice", "checkpoint": "x"}),
    ),
    "a base trained on a related task": Case(
        "base-fine-tuned",
        "has been fine-tuned on toy_kin",
        "--allow base-fine-tuned",
        (),
        model_option(merged_from__json={"adapter": {"task": "toy_kin"}}),
    ),
    "a base whose card names the data": Case(
        "base-fine-tuned",
        "lists acme/toy among its training data",
        "start from a model that was not trained on it",
        (),
        model_option(README__md="---\ndatasets:\n- glue\n- Acme/Toy\n---\n# A model\n"),
    ),
    "a full disk": Case(
        "disk",
        "and 0.00 GB are free",
        "--output and --scratch",
        (),
        lambda model, folder: [],
    ),
}
