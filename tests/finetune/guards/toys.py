"""What the guards' tests share: runs on the toy tasks, and the tiny model with other files beside it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finetune.guards import Verdict, examine
from finetune.options import run_of
from finetune.prepare import Prepared, prepare

TASKS = Path(__file__).parent / "tasks"


def values_of(model: Path, **changes: Any) -> dict[str, Any]:
    """Returns the options of a LoRA run on `toy_choice`, but for ``changes``."""
    values: dict[str, Any] = {"model": str(model), "task": "toy_choice", "include_path": str(TASKS)}
    values |= {"output": str(model.parent / "checkpoint"), "dtype": "float32", "device": "cpu", "lora_r": 4}
    return {**values, **changes}


def prepared_of(model: Path, **changes: Any) -> Prepared:
    """Returns that run, prepared."""
    return prepare(run_of(values_of(model, **changes)))


def verdict_of(id_: str, prepared: Prepared) -> Verdict:
    """Returns what one guard says."""
    (found,) = [verdict for verdict in examine(prepared) if verdict.id == id_]
    return found


def with_files(model: Path, folder: Path, **files: Any) -> Path:
    """Returns ``folder`` after copying the model into it and writing ``files`` (`name__json`) beside it."""
    shutil.copytree(model, folder)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def with_tokenizer(model: Path, folder: Path, change: Callable[[Any], Any]) -> Path:
    """Returns ``folder`` after writing to it the model's tokenizer as ``change`` leaves it."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    (change(tokenizer) or tokenizer).save_pretrained(folder)
    return folder


def word_pieces(folder: Path, texts: list[str]) -> Path:
    """Returns ``folder`` after writing to it a WordPiece tokenizer, as BERT's, that knows the words of ``texts``."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    words = {word for text in texts for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))}
    vocabulary = {token: i for i, token in enumerate([*special, *sorted(words)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    ends = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)  # fmt: skip
    return folder


def toy_rows() -> dict[str, list[dict[str, Any]]]:
    """Returns the splits of `toy_choice` as plain rows."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("toy", TASKS / "toy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.rows())
