"""Guards of special tokens: padding, beginning, end, and whether the tokenizer is the model's."""

from typing import Any

from finetune.elsewhere.tokenizers import is_other_vocabulary
from finetune.guards.evidence import Evidence, named
from harness_tasks.guards.verdicts import Verdict


def pad_token(evidence: Evidence) -> Verdict:
    """Fails where the pad token has no embedding, or a classifier's prompt ends with it."""
    prepared, id_ = evidence.prepared, "pad-token"
    pad, tokenizer = prepared.pad_id, prepared.tokenizer
    shown = named(tokenizer, pad)
    if not 0 <= pad < embedded_tokens(prepared.config):
        return Verdict(
            id_,
            "fail",
            f"the pad token {shown} lies beyond the model's {embedded_tokens(prepared.config):,} embeddings",
            "the first batch with rows of different lengths would fail, or on a GPU read another's memory",
            "name a tokenizer with --tokenizer whose pad token the model has an embedding for",
        )
    if pad != tokenizer.eos_token_id and (wrong := _pooled_early(evidence)):
        return wrong
    used = "the checkpoint's tokenizer and configuration get the same one"
    if tokenizer.pad_token_id is None:
        return Verdict(id_, "pass", f"the tokenizer has no pad token: batches are padded with {shown}; {used}")
    return Verdict(id_, "pass", f"batches are padded with {shown}; {used}")


def pad_is_eos(evidence: Evidence) -> Verdict:
    """Fails where the pad token is the EOS token, and a classifier's prompt ends with it."""
    prepared, id_ = evidence.prepared, "pad-is-eos"
    eos = prepared.tokenizer.eos_token_id
    if prepared.pad_id != eos:
        return Verdict(id_, "pass", f"padding and the end of a text are two tokens, {prepared.pad_id} and {eos}")
    both = f"{named(prepared.tokenizer, eos)} stands for padding and for the end of a text"
    if prepared.run.head == "sequence-classification":
        wrong = _pooled_early(evidence, id_)
        return wrong or Verdict(id_, "pass", f"{both}, and no prompt ends with it")
    return Verdict(id_, "by-design", f"{both}; labels and masks go by position, never by a token's id")


def stop_token(evidence: Evidence) -> Verdict:
    """Fails where a target of a generation task does not end with its stop string or EOS."""
    prepared, id_ = evidence.prepared, "stop-token"
    if prepared.run.head != "causal" or prepared.task.OUTPUT_TYPE != "generate_until":
        return Verdict(id_, "pass", "nothing is written that would have to end: the answer is read off")
    tokenizer, stop = prepared.tokenizer, prepared.stop_ids
    rows = prepared.rows
    unended = [row for row in rows if not _ends_with(tokenizer, row.target_ids, stop)]
    if unended:
        count = len(unended)
        end = _decoded(tokenizer, stop) if stop else "an end: this tokenizer has no token for it"
        return Verdict(
            id_,
            "fail",
            f"{count} of {len(rows)} answers do not end with {end}",
            "the model would never learn to stop, and its answers would run on to the limit of tokens",
            "name the model's own tokenizer, or correct `until` under the task's generation_kwargs",
        )
    return Verdict(id_, "pass", f"all {len(rows)} answers end with {_decoded(tokenizer, stop)}, and it is learnt")


def bos(evidence: Evidence) -> Verdict:
    """Fails where a row lacks the BOS token that the tokenizer adds, has two, or has another model's."""
    prepared, id_ = evidence.prepared, "bos"
    tokenizer, rows = prepared.tokenizer, [*prepared.rows, *prepared.dev_rows]
    known = {tokenizer.bos_token_id, _named_token(prepared.config, "bos")} - {None}
    before, _ = added_tokens(tokenizer)
    if before and not known & set(before):
        shown = named(tokenizer, before[0])
        meant = named(tokenizer, next(iter(known))) if known else "none"
        return Verdict(
            id_,
            "fail",
            f"the tokenizer begins every text with {shown}, where the model's start token is {meant}",
            "the model has never seen a text begin so, which costs score and shows in no loss",
            "name the model's own tokenizer, or allow it with --allow bos if the model was trained so",
        )
    double = sum(len(row.prompt_ids) > 1 and set(row.prompt_ids[:2]) <= known and _same(row.prompt_ids) for row in rows)
    if double:
        return Verdict(
            id_,
            "fail",
            f"{double} of {len(rows)} rows begin with {named(tokenizer, rows[0].prompt_ids[0])} twice",
            "the model has never seen two, and answers worse without a sign of it",
            "take the start token out of the chat template or of the task's text: the tokenizer adds it",
        )
    lacking = sum(row.prompt_ids[: len(before)] != tuple(before) for row in rows)
    if lacking:
        return Verdict(
            id_,
            "fail",
            f"{lacking} of {len(rows)} rows do not begin with the start token {named(tokenizer, before[0])}",
            "the model expects it at the beginning of every text",
            "let the task's text begin otherwise: it begins with what looks like a start token",
        )
    if before:
        return Verdict(id_, "pass", f"every row begins with {named(tokenizer, before[0])} once")
    return Verdict(id_, "pass", "the tokenizer adds no start token, neither here nor when the checkpoint is scored")


def tokenizer(evidence: Evidence) -> Verdict:
    """Fails where a row holds a token without an embedding, or the vocabulary is another model's."""
    prepared, id_ = evidence.prepared, "tokenizer"
    given, config = prepared.tokenizer, prepared.config.get_text_config()
    width = embedded_tokens(prepared.config)
    mend = f"take the tokenizer of the model itself: leave --tokenizer out, or name {prepared.run.model}"
    if prepared.run.tokenizer is None:
        mend = "put the model's own tokenizer files into its folder, or name them with --tokenizer"
    largest = max(max((*row.prompt_ids, *row.target_ids)) for row in (*prepared.rows, *prepared.dev_rows))
    if largest >= width:
        return Verdict(
            id_,
            "fail",
            f"the rows hold the token id {largest}, and the model has embeddings for 0 to {width - 1}",
            "the first such row would fail, or on a GPU read another's memory",
            mend,
        )
    if (foreign := _foreign_vocabulary(evidence)) is not None:
        return Verdict(
            id_,
            "fail",
            foreign,
            "each id would look up the embedding of another word: the model would be trained on noise, and the loss "
            "would fall all the same",
            mend,
        )
    if len(given) > width:
        return Verdict(
            id_,
            "warn",
            f"the tokenizer has {len(given):,} tokens, the model embeddings for {width:,} (no training row holds one "
            "beyond them)",
            "a scored row that holds one would fail",
            mend,
        )
    ends = f"start {given.bos_token_id} and {_named_token(config, 'bos')}, "
    ends += f"end {given.eos_token_id} and {_named_token(config, 'eos')}"
    return Verdict(id_, "pass", f"ids up to {largest} of {width:,} embeddings; tokenizer's and model's {ends}")


def embedded_tokens(config: Any) -> int:
    """Returns how many tokens the model has embeddings for."""
    return int(config.get_text_config().vocab_size)


def _named_token(config: Any, name: str) -> Any:
    """Returns a configuration's ``bos`` or ``eos`` token; None also where it has no such key (CPM-Ant)."""
    return getattr(config.get_text_config(), f"{name}_token_id", None)


def added_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Returns the tokens that the tokenizer puts before and after a text by itself."""
    bare, whole = tokenizer.encode("a", add_special_tokens=False), tokenizer.encode("a")
    places = range(len(whole) - len(bare) + 1)
    at = next((i for i in places if whole[i : i + len(bare)] == bare), 0)
    return list(whole[:at]), list(whole[at + len(bare) :])


def _pooled_early(evidence: Evidence, id_: str = "pad-token") -> Verdict | None:
    """Returns the failure of a classifier whose prompts end with the pad token: it pools the last token before it."""
    prepared = evidence.prepared
    rows = [*prepared.rows, *prepared.dev_rows]
    ending = sum(row.prompt_ids[-1] == prepared.pad_id for row in rows)
    if prepared.run.head != "sequence-classification" or not ending:
        return None
    return Verdict(
        id_,
        "fail",
        f"{ending} of {len(rows)} prompts end with the pad token {named(prepared.tokenizer, prepared.pad_id)}",
        "a classifier reads the last token that is not the pad token, so it would read one before the end",
        "name a tokenizer with --tokenizer whose pad token no prompt ends with",
    )


def _foreign_vocabulary(evidence: Evidence) -> str | None:
    """Returns how the tokenizer is seen to be another model's, or None."""
    prepared = evidence.prepared
    given, config = prepared.tokenizer, prepared.config.get_text_config()
    if prepared.run.tokenizer is not None and (own := _own_tokenizer(evidence)) is not None:
        vocabulary, mine = given.get_vocab(), own.get_vocab()
        if (same := is_other_vocabulary(vocabulary, mine)) is not None:
            return (
                f"of the {len(mine):,} tokens of the model's own tokenizer, {same:,} have the same id in "
                f"{prepared.run.tokenizer}"
            )
    pairs = (
        ("start", given.bos_token_id, _ends(_named_token(config, "bos"))),
        ("end", given.eos_token_id, _ends(_named_token(config, "eos"))),
    )
    # One that differs may be a matter of chat or plain text; where none agrees the two vocabularies are not the same.
    known = [(word, token, expected) for word, token, expected in pairs if expected]
    if known and not any(token in expected for _, token, expected in known):
        lacks = [
            f"{word} token {'none' if token is None else token} instead of {' or '.join(map(str, sorted(expected)))}"
            for word, token, expected in known
        ]
        return f"the tokenizer ({type(given).__name__}) has the {' and the '.join(lacks)}, which the model names"
    return None


def _own_tokenizer(evidence: Evidence) -> Any:
    from finetune.models import load_tokenizer
    from harness_tasks.errors import UserError

    try:
        return load_tokenizer(evidence.prepared.run.model, evidence.prepared.run.revision)
    except UserError:
        return None  # a model without a tokenizer is why one may be named


def _ends(given: Any) -> set[int]:
    """Returns the ids that a configuration names: one, a list, or none."""
    return set() if given is None else {given} if isinstance(given, int) else set(given)


def _ends_with(tokenizer: Any, target: tuple[int, ...], stop: tuple[int, ...]) -> bool:
    # A vocabulary may have one token for a full stop and a line break: then the text's end is what must agree.
    same = target[-len(stop) :] == stop or tokenizer.decode(target).endswith(tokenizer.decode(stop))
    return bool(stop) and same


def _decoded(tokenizer: Any, ids: tuple[int, ...]) -> str:
    return repr(tokenizer.decode(ids))


def _same(ids: tuple[int, ...]) -> bool:
    return ids[0] == ids[1]
