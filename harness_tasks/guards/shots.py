"""Whether a prompt's few-shot examples hold the item that is scored, with its answer.

lm_eval leaves the item out of what it draws only where a task's `fewshot_split` is its `test_split`, and by comparing
whole rows. So a task without a split for examples, one that is scored on its validation split, examples that its YAML
lists, rows that stand twice, with their choices in another order or with other gold answers beside the same one, and an
example that the task's `description` spells out come into their own prompt.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from harness_tasks.errors import UserError
from harness_tasks.guards.verdicts import Verdict
from harness_tasks.loading import set_shots
from harness_tasks.messages import first_line

ENOUGH = 1000
"""Prompts after which no more are drawn, once one of them holds its own item."""

SPELLED_OUT = 12
"""Characters that a question must have for it to be looked for in a description."""


class _Item(NamedTuple):
    """What a prompt shows of an item: its question, its choices in any order, and its gold answers."""

    question: str
    choices: tuple[str, ...]
    answers: frozenset[str]


def shots(
    task: Any, name: str, num_fewshot: int | None, *, seed: int = 1234, rows: Sequence[int] | None = None
) -> Verdict:
    """Fails where the few-shot examples of a prompt hold the scored item, question and answer.

    The examples are those that lm_eval draws with this ``seed`` (its own default) for these ``rows`` (unset: all), by
    the task's own sampler. ``num_fewshot`` None: as many as the task's YAML says. The task is left at that number.

    Raises:
        UserError: the examples of a prompt cannot be drawn.
    """
    count = int(task.config.num_fewshot or 0) if num_fewshot is None else set_shots(task, num_fewshot)
    description = _squeezed(task.config.description or "")
    if not count and not description:
        return Verdict("shots", "pass", f"the prompts of {name} hold no few-shot examples")
    docs = list(task.eval_docs)
    scored = list(range(len(docs))) if rows is None else list(rows)
    items = {index: _item(task, docs[index]) for index in scored}
    spelled_out = [index for index, item in items.items() if _is_spelled_out(item, description)]
    if spelled_out:
        return Verdict(
            "shots",
            "fail",
            f"the description of {name} spells out {len(spelled_out):,} of the {len(scored):,} items that are scored, "
            f"with their answers (item {spelled_out[0]} is the first)",
            "the score would tell how well an answer is copied",
            "take the example out of the task's `description`, or allow it with --allow shots",
        )
    if not count:
        return Verdict("shots", "pass", f"the prompts of {name} hold no few-shot examples")
    if not _shows_any(task, task.fewshot_docs() or [], items.values()):
        return Verdict("shots", "pass", f"no item of {name} is among those that its few-shot examples are drawn from")
    task.set_fewshot_seed(seed)
    drawn, leaked = _leaked(task, name, items, docs, count=count)
    if not leaked:
        return Verdict("shots", "pass", f"no prompt of {name} holds its own item among its {count} examples")
    looked_at = f"{drawn:,}" if drawn == len(scored) else f"the first {drawn:,}"
    return Verdict(
        "shots",
        "fail",
        f"{len(leaked):,} of {looked_at} prompts of {name} hold the item that is scored, with its answer, among their "
        f"{count} few-shot examples (item {leaked[0]} is the first)",
        "the score would tell how well an answer is copied",
        "give the task a `fewshot_split` without scored items in its YAML, score it with --num_fewshot 0, or allow it "
        "with --allow shots",
    )


def _shows_any(task: Any, examples: Iterable[Mapping[str, Any]], items: Iterable[_Item]) -> bool:
    """Returns whether an example shows the question and choices of one of ``items``, and one of its answers."""
    known: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for item in items:
        known.setdefault(item[:2], set()).update(item.answers)
    shown = (_example(task, doc) for doc in examples)
    return any(example and not example.answers.isdisjoint(known.get(example[:2], ())) for example in shown)


def _leaked(
    task: Any, name: str, items: Mapping[int, _Item], docs: Sequence[Mapping[str, Any]], *, count: int
) -> tuple[int, list[int]]:
    """Returns how many prompts were drawn, and the indices of those whose ``count`` examples show their own item.

    All of ``items`` are drawn, or, where one leaks, the first `ENOUGH`.
    """
    recorder = _Recorder(task.sampler)
    task.sampler, drawn, leaked = recorder, 0, list[int]()
    index = -1
    try:
        for index, item in items.items():
            task.fewshot_context(docs[index], num_fewshot=count)
            drawn += 1
            if _shows_any(task, recorder.drawn, [item]):
                leaked.append(index)
            if leaked and drawn >= ENOUGH:
                break
    except UserError:
        raise
    except Exception as error:  # whatever a sampler or a template of somebody else's raises
        raise UserError(
            f"the prompt of item {index} of the task {name!r} with {count} few-shot examples cannot be made: "
            f"{first_line(error)}",
            "lm_eval would stop there, after the model was loaded",
            "ask for fewer (--num_fewshot), or correct the task's `fewshot_split` or `fewshot_config`",
        ) from error
    finally:
        task.sampler = recorder.sampler
    return drawn, leaked


class _Recorder:
    """A task's sampler that keeps what it drew last."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler
        self.drawn: list[Mapping[str, Any]] = []

    def sample(self, *arguments: Any, **named: Any) -> list[Mapping[str, Any]]:
        self.drawn = list(self.sampler.sample(*arguments, **named))
        return self.drawn

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sampler, name)


def _item(task: Any, doc: Mapping[str, Any]) -> _Item:
    """Returns what a prompt shows of an item as it is rendered; white space does not count."""
    choices = task.doc_to_choice(doc) if task.config.doc_to_choice is not None else []
    target = task.doc_to_target(doc)
    if isinstance(target, int) and not isinstance(target, bool) and 0 <= target < len(choices):
        target = choices[target]
    answers = target if isinstance(target, list | tuple) else [target]
    return _Item(
        _squeezed(task.doc_to_text(doc)), tuple(sorted(map(_squeezed, choices))), frozenset(map(_squeezed, answers))
    )


def _example(task: Any, doc: Mapping[str, Any]) -> _Item | None:
    """Returns the same of an example; None where it has other fields than the items, and so is none of them."""
    try:
        return _item(task, doc)
    except UserError:
        raise
    except Exception:  # a template that asks for a field that the example lacks
        return None


def _is_spelled_out(item: _Item, description: str) -> bool:
    """Returns whether a description holds an item's question and, behind it, one of its answers."""
    if len(item.question) < SPELLED_OUT or item.question not in description:
        return False
    behind = description.partition(item.question)[2]
    return any(answer and f" {answer} " in f" {behind} " for answer in item.answers)


def _squeezed(value: Any) -> str:
    return " ".join(str(value).split())
