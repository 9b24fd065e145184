"""What else differs between a checkpoint and its base than trained weights: a verdict on each, before any is read."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from finetune.elsewhere.adapter_changes import adapter_of
from finetune.elsewhere.names import HEAD, plain_name
from finetune.elsewhere.sides import Side
from finetune.elsewhere.streaming import dtype_name
from finetune.elsewhere.tokenizers import HARMLESS, Tokenizer, is_other_vocabulary, tokenizer_of
from finetune.elsewhere.weight_changes import embeddings_of
from harness_tasks.errors import UserError
from harness_tasks.guards.verdicts import Verdict
from harness_tasks.kinds import MERGED
from harness_tasks.models.files import GENERATION
from harness_tasks.secrets import cleaned

HEADS = ("classifier", "score", "qa_outputs")
"""Heads that peft saves of itself, by the adapter's task type."""
SHOWN = 5
"""Names that are listed of a kind of difference; the others are counted."""
_NOT_THE_WEIGHTS = "a difference between the scores may come of it, and not of the weights"


def settings_verdicts(base: Side, tuned: Side, method: str | None) -> list[Verdict]:
    """Returns a verdict on each setting that differs, or may; ``method`` as the checkpoint's files record it."""
    tokenizers = tokenizer_of(base), tokenizer_of(tuned)
    return [
        tokenizer(tuned, *tokenizers),
        chat_template(*tokenizers),
        generation(base, tuned),
        embeddings(base, tuned, *tokenizers),
        saved_modules(tuned),
        dtype(base, tuned),
        quantised_base(base, tuned, method),
        merged(tuned),
        merged_base(base),
    ]


def refuse_other_vocabulary(base: Side, tuned: Side) -> None:
    """Raises UserError where the checkpoint's tokenizer is that of another model than the base."""
    old, new = tokenizer_of(base), tokenizer_of(tuned)
    if not (old and new and old.vocabulary and new.vocabulary):
        return
    same = is_other_vocabulary(new.vocabulary, old.vocabulary)
    if same is not None:
        named = tuned.settings.get("base_model_name_or_path")
        raise UserError(
            f"of the {len(old.vocabulary):,} tokens of the base {base.place}, {same:,} have the same id in "
            f"{tuned.place}{f', which names the base {cleaned(str(named))}' if named else ''}",
            "its vocabulary is another model's: each id would look up the embedding of another word",
            "name the base that it was made from with --base",
        )


def tokenizer(tuned: Side, old: Tokenizer | None, new: Tokenizer | None) -> Verdict:
    """Returns whether both have the same tokens, ids and settings; lists what differs."""
    id_ = "tokenizer"
    if new is None:
        said = "the checkpoint has no tokenizer of its own"
        if tuned.kind == "adapter":
            return Verdict(id_, "pass", f"{said}: the base's is used")
        mend = "copy the base's tokenizer files into its folder, if it was trained with them"
        return Verdict(id_, "warn", said, "without one it cannot be scored by itself", mend)
    if old is None:
        return Verdict(id_, "warn", "the base has no tokenizer to compare with", _NOT_THE_WEIGHTS, "add its files")
    found = [*_tokens(old, new), *_settings(old.settings, new.settings)]
    found += [
        f"its {name} differs" for name in sorted(set(old.rest) & set(new.rest)) if old.rest[name] != new.rest[name]
    ]
    if not found:
        count = f" ({len(new.vocabulary):,} tokens)" if new.vocabulary else ""
        return Verdict(id_, "pass", f"both have the same tokenizer{count}")
    harmless = all(part.startswith(HARMLESS) for part in found)
    said = "; ".join(found)
    if harmless:
        return Verdict(id_, "pass", f"both have the same tokens; {said}")
    return Verdict(id_, "warn", said, _NOT_THE_WEIGHTS, "score both with one tokenizer, if that is what you compare")


def chat_template(old: Tokenizer | None, new: Tokenizer | None) -> Verdict:
    """Returns whether both have the same chat template."""
    id_, templates = "chat-template", (old.template if old else None, new.template if new else None)
    if new is None or templates[0] == templates[1]:
        has = old.template if new is None and old else templates[1]
        return Verdict(id_, "pass", "both have the same chat template" if has else "neither has a chat template")
    said = "the chat templates differ"
    if None in templates:
        said = f"only the {'checkpoint' if templates[0] is None else 'base'} has a chat template"
    mend = "score both with one template, or without --apply_chat_template"
    return Verdict(id_, "warn", said, "prompts made with --apply_chat_template differ", mend)


def generation(base: Side, tuned: Side) -> Verdict:
    """Returns whether both write answers by the same settings."""
    id_, name = "generation", "generation_config.json"
    old, new = (side.files.json(name, GENERATION) for side in (base, tuned))
    if new is None:
        said = "the checkpoint brings no generation_config.json"
        return Verdict(id_, "pass", f"{said}: the base's holds" if tuned.kind == "adapter" else said)
    ignored = ("transformers_version", "_from_model_config", "use_cache")
    old, new = ({key: value for key, value in (given or {}).items() if key not in ignored} for given in (old, new))
    found = _settings(old, new)
    if not found:
        return Verdict(id_, "pass", "both write answers by the same settings")
    why = "a task that leaves such a setting open gets other answers by it, and not by the weights"
    return Verdict(id_, "warn", "; ".join(found), why, "name the setting in the task's generation_kwargs")


def embeddings(base: Side, tuned: Side, old: Tokenizer | None, new: Tokenizer | None) -> Verdict:
    """Returns whether the checkpoint has as many embeddings as the base, and one for each of its tokens."""
    id_ = "embeddings"
    known = embeddings_of(base.tensors)
    if known is None:
        return Verdict(id_, "pass", "the base's embeddings have no name that is known: nothing is said of them")
    rows = base.tensors[known].shape[0]
    saved = adapter_of(tuned.tensors).saved if tuned.kind == "adapter" else tuned.tensors
    own = embeddings_of(saved)
    have = saved[own].shape[0] if own else rows
    added = sorted(set(new.vocabulary or ()) - set(old.vocabulary or ())) if old and new else []
    beyond = [token for token in added if new and (new.vocabulary or {})[token] >= have]
    if beyond:
        return Verdict(
            id_,
            "warn",
            f"{len(beyond)} of its tokens have no embedding: {_listed(beyond)}",
            "a prompt that holds one cannot be scored",
            "save the checkpoint with the embeddings of its added tokens (peft: save_embedding_layers=True)",
        )
    if added and own is None and not _trains_embeddings(tuned):
        return Verdict(
            id_,
            "warn",
            f"{len(added)} tokens were added, and their embeddings were not trained: {_listed(added)}",
            "the model reads them as whatever stands in the base's unused rows",
            "train them too (modules_to_save or trainable_token_indices), or leave them out of the prompts",
        )
    if have != rows:
        said = f"the embeddings have {have:,} rows, and the base's {rows:,}"
        return Verdict(id_, "warn", said, "the rows that only one has are not compared", "compare the shared rows")
    return Verdict(id_, "pass", f"both have {rows:,} embeddings")


def saved_modules(tuned: Side) -> Verdict:
    """Returns which modules an adapter saves whole beside its matrices, and whether it lacks one that it names."""
    id_ = "saved-modules"
    if tuned.kind != "adapter":
        return Verdict(id_, "pass", "a whole model: every module is saved")
    adapter = adapter_of(tuned.tensors)
    named = tuned.settings.get("modules_to_save") or []
    saved = sorted({name.rpartition(".")[0] for name in adapter.saved})
    lacking = [name for name in named if not any(f".{place}".endswith(f".{name}") for place in saved)]
    if len(lacking) < len(named):  # peft names every head that there may be, and a model has one of them
        lacking = [name for name in lacking if name not in HEADS]
    if lacking:
        return Verdict(
            id_,
            "warn",
            f"it names the saved modules {_listed(lacking)}, and their weights are not in its file",
            "they are the base's own, or random, when it is loaded",
            "save the adapter again with a current peft",
        )
    said = f"it saves {_listed(saved)} whole" if saved else "it saves no module whole"
    return Verdict(id_, "pass", said)


def dtype(base: Side, tuned: Side) -> Verdict:
    """Returns in which dtype most weights of each are stored."""
    kinds = [_main_dtype(side) for side in (base, tuned)]
    if tuned.kind == "adapter":
        return Verdict("dtype", "pass", f"the base is stored in {kinds[0]}, the adapter in {kinds[1]}")
    if kinds[0] == kinds[1]:
        return Verdict("dtype", "pass", f"both are stored in {kinds[0]}")
    return Verdict(
        "dtype",
        "warn",
        f"the base is stored in {kinds[0]}, the checkpoint in {kinds[1]}",
        "rounding changes scores a little, whatever was trained",
        "score both in one dtype (`dtype` in --model_args)",
    )


def quantised_base(base: Side, tuned: Side, method: str | None) -> Verdict:
    """Returns whether the adapter was trained beside packed weights, or either side is packed."""
    id_ = "quantised-base"
    packed = [side for side in (base, tuned) if side.config.get("quantization_config")]
    if packed:
        how = packed[0].config["quantization_config"]
        name = how.get("quant_method", "a method that is not named") if isinstance(how, dict) else "unknown"
        said = f"{packed[0].place} holds packed weights ({cleaned(str(name))[:40]})"
        return Verdict(id_, "warn", said, "packed weights are not compared", "name the model that is not packed")
    if method == "qlora":
        return Verdict(
            id_,
            "warn",
            "its files say that it was trained beside a base packed in 4 bits",
            "on the base's own weights it is a slightly other model than the one that was trained",
            "score it as it will be used; `load_in_4bit` in --model_args packs the base",
        )
    if tuned.kind == "adapter" and method is None:
        return Verdict(id_, "pass", "no file says that its base was packed in training")
    return Verdict(id_, "pass", "no file says that weights are packed, or were in training")


def merged(tuned: Side) -> Verdict:
    """Returns whether an adapter was merged into the model, where a file says so."""
    if tuned.kind == "adapter":
        return Verdict("merged", "pass", "it is an adapter beside its base, not merged into it")
    names = tuned.files.names("merged_from.json", "mergekit_config.yml", "mergekit_config.yaml")
    if "merged_from.json" in names:
        return Verdict("merged", "pass", "an adapter was merged into it (merged_from.json)")
    if names:
        said = f"it is a merge of models ({names[0]})"
        return Verdict("merged", "warn", said, "what differs from the base is not one training's", "read its file")
    return Verdict("merged", "pass", "whether an adapter was merged into it is not recorded")


def merged_base(base: Side) -> Verdict:
    """Returns whether the base is itself a merge, so that its own scores hold a fine-tuning."""
    record = base.files.json("merged_from.json", MERGED)
    if record is None:
        return Verdict("merged-base", "pass", "nothing in the base says that an adapter was merged into it")
    name = cleaned(str(record.get("adapter", {}).get("checkpoint", "an adapter")))
    return Verdict(
        "merged-base",
        "warn",
        f"the base is itself a merge, with {name} added into it",
        "its scores before this training already hold another",
        "name the base model that it was merged from",
    )


def _main_dtype(side: Side) -> str:
    count = Counter[str]()
    for tensor in side.tensors.values():
        count[dtype_name(tensor)] += tensor.end - tensor.start
    return count.most_common(1)[0][0] if count else "no dtype"


def _trains_embeddings(tuned: Side) -> bool:
    adapter = adapter_of(tuned.tensors)
    homes = [plain_name(f"{home}.weight") for home in adapter.lora]
    return any("embed" in home or "wte" in home for home in homes if home != HEAD)


def _tokens(old: Tokenizer, new: Tokenizer) -> list[str]:
    """Returns how the tokens of two vocabularies differ."""
    if old.vocabulary is None or new.vocabulary is None:
        return [] if old.rest == new.rest else ["the files of its tokens differ, and are not compared token by token"]
    before, after = old.vocabulary, new.vocabulary
    added, removed = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    moved = sorted(token for token, number in after.items() if token in before and before[token] != number)
    found = []
    for what, tokens in (("added", added), ("removed", removed), ("given other ids", moved)):
        if tokens:
            found.append(f"{len(tokens):,} tokens {what}: {_listed(tokens)}")
    if found:
        found.append(f"{len(after):,} tokens, and the base's {len(before):,}")
    return found


def _settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    return [f"{name} is {_shown(new.get(name))}, and the base's {_shown(old.get(name))}" for name in names]


def _shown(value: Any) -> str:
    text = "not set" if value is None else value if isinstance(value, str) else repr(value)
    return _printed(text)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(_printed(name) for name in names[:SHOWN]) + more


def _printed(text: str) -> str:
    """Returns somebody else's text as it is shown: short, on one line, without secrets and without hidden signs."""
    text = cleaned(text.encode("utf-8", "replace").decode())
    text = "".join(sign if sign.isprintable() else "�" for sign in text)
    return text if len(text) <= 60 else f"{text[:59]}…"
