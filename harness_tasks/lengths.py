"""How long prompts and answers were in tokens, and what was cut.

It is known from lm_eval's sample and results files, and from what the model class noted of its generations. A tokenizer
is read and no weights; nothing of transformers is imported until one is asked for.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, write_jsonl
from harness_tasks.generations import ItemGenerations, read_generations
from harness_tasks.hub.download import fetch_model
from harness_tasks.kinds import ASKED_SAMPLES, SCORED_MODEL
from harness_tasks.messages import reason_of
from harness_tasks.models.files import refusals
from harness_tasks.models.heads import HEADS, tokenizer_place
from harness_tasks.overlap import read_samples
from harness_tasks.reading import read_json
from harness_tasks.spans import span_input

ANSWER_TOKENS = 256
"""lm_eval's `hf` stops an answer there where the task sets no limit of its own."""
ANSWER_LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""The names under which lm_eval takes the limit; the first one given counts."""


def write_lengths(samples: Path, results: Path, *, output: Path, generations: Path | None = None) -> None:
    """Writes `lengths.jsonl` of one task, scored by a class of lm_eval's or ours.

    The tokenizer is the one that the results name, and the longest input the one that lm_eval wrote there.
    ``generations`` is the file that `aftertune score` wrote beside the samples; None: the model class noted nothing.

    Raises:
        UserError: a file is missing or of another kind, or the tokenizer cannot be loaded.
    """
    found = read_json(results, SCORED_MODEL)
    model, arguments = found["config"].get("model", "hf"), found["config"]["model_args"]
    max_length_tokens = found["max_length"]
    place = tokenizer_place(arguments) if model in HEADS else arguments.get("tokenizer") or arguments["pretrained"]
    from transformers import AutoTokenizer

    try:
        fetch_model(place, arguments.get("revision"), weights=False)
    except UserError as error:
        raise type(error)(
            f"the tokenizer of {place} cannot be loaded: {error.found}", "tokens are counted with it", error.mend
        ) from None

    def unusable(error: Exception) -> UserError:
        return UserError(
            f"the tokenizer of {place} cannot be loaded ({reason_of(error)})",
            "tokens are counted with it",
            "run the command where the model that was scored is found",
        )

    with refusals(unusable):
        tokenizer = AutoTokenizer.from_pretrained(place, revision=arguments.get("revision"))
    noted = read_generations(generations) if generations else {}
    asked = read_samples(samples, ASKED_SAMPLES)
    header, *rows = lengths(asked, tokenizer, max_length_tokens=max_length_tokens, model=model, generations=noted)
    write_jsonl(output, [{**header, "samples_sha256": sha256_file(samples)}, *rows])


def lengths(
    samples: Sequence[Mapping[str, Any]],
    tokenizer: Any,
    *,
    max_length_tokens: int,
    model: str = "hf",
    generations: Mapping[int, ItemGenerations] | None = None,
) -> list[dict[str, Any]]:
    """Returns a header with both limits in tokens, then a row an item.

    ``prompt_tokens`` counts the whole prompt; ``truncated`` says that ``model``, lm_eval's `hf` or a class of ours,
    took tokens off its beginning (`hf-span`: off its passage's end), because the prompt with its answer is longer than
    ``max_length_tokens``. Of a generation, ``answer_tokens`` is how many tokens it has and ``ended`` why it ended, as
    ``generations`` has them by `doc_id`; ``cut_off`` says that it reached the task's limit. All three are None where
    nothing is generated, and where it was not noted, of which the header's ``unrecorded`` then says why. Of a question
    whose answer is written, ``gold_tokens`` is the length of its shortest gold answer; where one is longer than the
    limit, ``gold_within`` is the text of each, cut at the limit: what of them an output can hold.
    """
    rows, limits, unrecorded = [], set[int](), 0
    for sample in samples:
        requests = list(sample["arguments"].values())
        answer_tokens = ended = limit = None
        is_written = not isinstance(requests[0].get("arg_1"), str) and model != "hf-span"
        if isinstance(requests[0].get("arg_1"), str):
            pairs = [encode_pair(tokenizer, request["arg_0"], request["arg_1"]) for request in requests]
            prompt_tokens = len(pairs[0][0])
            if model == "hf-seqcls":  # it reads no choice
                truncated = prompt_tokens > max_length_tokens
            else:  # the last token of a choice is only read off, so one more than the model takes fits
                truncated = max(len(context) + len(choice) for context, choice in pairs) > max_length_tokens + 1
        elif model == "hf-span":
            doc = sample["doc"]
            prompt_tokens = len(span_input(tokenizer, question=doc["question"], passage=doc["context"]).ids)
            truncated = prompt_tokens > max_length_tokens
        elif "arg_1" not in requests[0]:  # a text whose likelihood is asked: a longer one is read in parts
            prompt_tokens, truncated, is_written = len(encode(tokenizer, str(requests[0]["arg_0"]))), False, False
        else:
            limit = _answer_limit(requests[0].get("arg_1") or {})
            limits.add(limit)
            prompt_tokens = len(encode(tokenizer, str(requests[0]["arg_0"])))
            truncated = prompt_tokens > max_length_tokens - limit
            noted = (generations or {}).get(sample["doc_id"])
            if noted and noted.doc_hash == sample["doc_hash"]:
                answer_tokens, ended = noted.tokens[0], noted.ended[0]
            unrecorded += ended is None
        row = {
            "doc_id": sample["doc_id"],
            "prompt_tokens": prompt_tokens,
            "answer_tokens": answer_tokens,
            "truncated": truncated,
            "ended": ended,
            "cut_off": None if ended is None else ended == "limit",
        }
        rows.append(row | (_gold_lengths(tokenizer, _gold_answers(sample), limit) if is_written else {}))
    header: dict[str, Any] = {"max_length_tokens": max_length_tokens, "max_answer_tokens": max(limits, default=None)}
    if unrecorded:
        some = "" if unrecorded == len(rows) else f"{unrecorded:,} of {len(rows):,} "
        header["unrecorded"] = f"the model class {model} did not record why {some}generations ended"
    return [header, *rows]


def _gold_answers(sample: Mapping[str, Any]) -> list[str]:
    """Returns the accepted answers of a question, as SQuAD and its like have them; none of anything else."""
    answers = sample["doc"].get("answers") if isinstance(sample.get("doc"), Mapping) else None
    texts = answers.get("text") if isinstance(answers, Mapping) else None
    return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else []


def _gold_lengths(tokenizer: Any, golds: Sequence[str], limit: int | None) -> dict[str, Any]:
    """Returns what a row says of a question's gold answers, each after the space that prompts leave to it."""
    ids = [tokenizer.encode(f" {gold.strip()}", add_special_tokens=False) for gold in golds]
    if not ids:
        return {}
    said: dict[str, Any] = {"gold_tokens": min(map(len, ids))}
    if limit is not None and max(map(len, ids)) > limit:
        said["gold_within"] = [tokenizer.decode(tokens[:limit]).strip() for tokens in ids]
    return said


def encode(tokenizer: Any, text: str) -> list[int]:
    """Returns the ids that lm_eval's `hf` gives ``text``: no second BOS where the text begins with one."""
    first = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    begins = first is not None and text.startswith(tokenizer.decode([first]))
    return list(tokenizer.encode(text, add_special_tokens=False) if begins else tokenizer.encode(text))


def encode_pair(tokenizer: Any, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """Returns context and continuation as lm_eval's `TemplateLM._encode_pair` splits them."""
    spaces = len(context) - len(context.rstrip())
    if spaces:
        context, continuation = context[:-spaces], context[-spaces:] + continuation
    whole = encode(tokenizer, context + continuation)
    prompt = encode(tokenizer, context)
    return whole[: len(prompt)], whole[len(prompt) :]


def _answer_limit(arguments: Mapping[str, Any]) -> int:
    given = (arguments[name] for name in ANSWER_LIMITS if arguments.get(name) is not None)
    return int(next(given, ANSWER_TOKENS))
