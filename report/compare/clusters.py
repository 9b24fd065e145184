"""`--cluster TASK:FIELD`: the field of a task's items that names their clusters, where the command says it."""

from collections.abc import Mapping, Sequence

from harness_tasks.errors import UserError
from harness_tasks.messages import nearest_name
from report.compare.models import Entry
from report.reading.lm_eval_results import ResultFile


def clusters_of(named: Sequence[str]) -> dict[str, str]:
    """Returns the field by task of what is `TASK:FIELD` each; UserError where one is not, or a task has two."""
    found: dict[str, str] = {}
    for text in named:
        task, _, field = text.rpartition(":")
        if not task or not field or found.get(task, field) != field:
            what = "names a second field of that task" if task in found else "is not TASK:FIELD"
            raise UserError(
                f"--cluster {text} {what}",
                "items of one cluster resemble each other, and an interval that ignores it is too narrow",
                "name a task and one field of its items, as in --cluster reviews_demo:film",
            )
        found[task] = field
    return found


def name_clusters(results: ResultFile, clusters: Mapping[str, str]) -> None:
    """Writes the fields that the command names into the tasks' configurations, in place of what they declare."""
    for task, field in clusters.items():
        if task in results.content["results"]:
            config = results.content["configs"].setdefault(task, {"metadata": {}})
            config["metadata"] = {**(config.get("metadata") or {}), "cluster": field}


def refuse_unknown(entries: Sequence[Entry], clusters: Mapping[str, str]) -> None:
    """Raises a UserError where a task is named of which there are no scores."""
    known = sorted({task for entry in entries for task in entry.runs})
    for task, field in clusters.items():
        if task not in known:
            near = nearest_name(task, known)
            raise UserError(
                f"--cluster {task}:{field} names no task of these results ({', '.join(known[:12])})",
                "the items would be taken as independent, and their intervals be too narrow",
                f"write TASK:FIELD with one of them{f', such as {near}' if near else ''}",
            )
