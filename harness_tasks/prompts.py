"""What lm_eval's task objects render, asked in the same way of 0.4.13 and of the next lm_eval, whose methods differ."""

import inspect
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any


def has_scorers() -> bool:
    """Returns whether the installed lm_eval is one of 0.5, where a task's scores come from scorers."""
    return int(version("lm_eval").split(".")[1]) >= 5


def context(task: Any, doc: Mapping[str, Any], **settings: Any) -> str:
    """Returns the prompt of ``doc``; ``settings`` are those of lm_eval's `fewshot_context`."""
    prefix = task.doc_to_prefix if hasattr(task, "doc_to_prefix") else _prefix_of(task)
    return str(task.fewshot_context(doc, gen_prefix=prefix(doc), **settings))


def requests(task: Any, doc: Mapping[str, Any], prompt: str, *, apply_chat_template: bool = False) -> list[Any]:
    """Returns lm_eval's requests for ``doc`` behind ``prompt``: one a choice, or the one that asks for an answer."""
    if "doc_id" in inspect.signature(task.construct_requests).parameters:
        numbered: dict[str, Any] = {"doc_id": 0}
    else:
        numbered = {"metadata": (task.task_name, 0, 1)}
    found = task.construct_requests(doc=doc, ctx=prompt, apply_chat_template=apply_chat_template, **numbered)
    return list(found) if isinstance(found, list) else [found]


def render_chat(tokenizer: Any, chat: Sequence[Mapping[str, str]], add_generation_prompt: bool = True) -> str:
    """Returns a chat as lm_eval's `HFLM.apply_chat_template` renders it.

    Where the template refuses the chat, it is tried again without the system message.
    """
    import jinja2

    def rendered(messages: list[Mapping[str, str]]) -> str:
        return str(
            tokenizer.apply_chat_template(
                messages,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                continue_final_message=not add_generation_prompt,
            )
        )

    try:
        return rendered(list(chat))
    except jinja2.exceptions.TemplateError:
        return rendered([message for message in chat if message["role"] != "system"])


def rows_argument(indices: Sequence[int]) -> list[int]:
    """Returns what ``--samples`` must be for lm_eval to score the rows at sorted ``indices``, each under its number.

    0.4.13 numbers the rows that it scores and looks the number up in this list; 0.5.0.dev1 looks up the row's own, so
    that the list must hold each index in its own place. Other places are filled with a row that is scored anyway.
    """
    if not has_scorers():
        return list(indices)
    found = [indices[0]] * (indices[-1] + 1)
    for index in indices:
        found[index] = index
    return found


def _prefix_of(task: Any) -> Any:
    from lm_eval.config.templates import process_field

    return lambda doc: process_field(doc, task.config.gen_prefix)
