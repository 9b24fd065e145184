"""A request as lm_eval 0.4.13 and the next one both make it."""

from typing import Any

from lm_eval.api.instance import Instance


def asked(kind: str, *arguments: Any, doc: Any = None, idx: int = 0, doc_id: int = 0) -> Instance:
    """Returns what lm_eval asks a model; both its versions take these names, and this order of none but them."""
    return Instance(
        request_type=kind,
        doc={} if doc is None else doc,
        arguments=arguments,
        idx=idx,
        task_name="a_task",
        doc_id=doc_id,
        metadata=("a_task", doc_id, 1),
    )
