"""Under what conditions a model was scored on a task, as far as its files say so: what they do not say is unknown."""

from report.compare.costs import UNRECORDED
from report.compare.measures import metric_keys
from report.compare.models import Entry
from report.facts.schema.compared import FiltersApart, ScoringSetting
from report.facts.schema.parts import Fact
from report.facts.values import fact, missing
from report.page.formats import decimals
from report.reading.lm_eval_results import number
from report.reading.task_runs import Run

FAR = 0.1
"""From what difference on, as a share of the scale, two filters' scores of one metric are said to be far apart."""


def setting_facts(entry: Entry, task: str) -> ScoringSetting:
    """Returns the task's version, few-shot examples, chat template, items, and whether there are samples."""
    run = entry.runs[task]
    source, (scored, available) = run.results.source("results", task), run.counted
    version = run.per_task("versions")
    limited = scored < available if scored and available else run.limit is not None
    uncounted = missing(f"{UNRECORDED}, with the limit {run.limit:g}" if run.limit is not None else UNRECORDED)
    if scored is not None and (rows := _rows(run)) not in (None, scored):
        uncounted = missing(f"the files contradict each other: {scored:,} by the results, {rows:,} by the samples")
        scored = None
    return ScoringSetting(
        entry=fact(entry.name, "text", entry.named_in(task)),
        version=missing(UNRECORDED) if version in (None, "N/A") else fact(version, "setting", source),
        shots=_shots(run),
        chat_template=_chat_template(run),
        items=uncounted if scored is None else fact(scored, "count", source),
        available=missing(UNRECORDED) if available is None else fact(available, "count", source),
        limited=limited,
        allowed=_allowed(run),
        samples=_samples(run, source),
    )


def _rows(run: Run) -> int | None:
    """Returns how many items the samples of a run are of; None of a group, and without samples."""
    if run.samples is None or run.leaves:
        return None
    return len({(row["doc_id"], row.get("doc_hash")) for row in run.samples.content})


def apart_facts(entry: Entry, task: str) -> list[FiltersApart]:
    """Returns the metrics whose score depends much on which filter reads the answers, each with all of its scores."""
    run = entry.runs[task]
    declared = number(run.metadata.get("scale"))
    by_metric: dict[str, dict[str, float]] = {}
    for key in metric_keys(run):
        metric, _, by_filter = key.partition(",")
        by_metric.setdefault(metric, {})[by_filter] = number(run.scores[key]) or 0.0
    found = []
    for metric, scores in by_metric.items():
        values = scores.values()
        scale = declared or (1.0 if max(values) <= 1 else 100.0)
        if not all(0 <= value <= scale for value in values) or max(values) - min(values) < FAR * scale:
            continue
        told = ", ".join(
            f"{decimals(value, 'points' if scale == 100 else 'proportion')} by {name}" for name, value in scores.items()
        )
        what = fact(f"{metric} is {told}", "text", run.results.source("results", task))
        found.append(FiltersApart(entry=fact(entry.name, "text", entry.named_in(task)), what=what))
    return found


def _allowed(run: Run) -> Fact:
    """Returns the guards of scoring that failed in `aftertune score` and that `--allow` named."""
    for part in run.parts:
        names = part.metadata.get("allowed")
        if isinstance(names, list) and names:
            told = ", ".join(map(str, names))
            return fact(told, "text", run.results.source("configs", part.task, "metadata", "allowed"))
    return missing(UNRECORDED)


def _shots(run: Run) -> Fact:
    found, why = run.shots
    first = run.parts[0]
    place = "n-shot" if first.per_task("n-shot") is not None else "configs"
    source = run.results.source(place, first.task)
    if not found:
        return missing(why)
    return fact(found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}", "setting", source)


def _chat_template(run: Run) -> Fact:
    """Returns whether prompts were put into a chat template; a server that is sent messages has one of its own."""
    content, results = run.results.content, run.results
    asked = content["config"].get("model")
    if (isinstance(asked, str) and "chat" in asked) or content.get("chat_template") == "":
        return missing("not recorded: the server's own")
    for key in ("chat_template", "chat_template_sha"):
        if content.get(key):
            return fact(True, "setting", results.source(key))
    if "chat_template" in content or "chat_template_sha" in content:
        return fact(False, "setting", results.source("chat_template"))
    return missing(UNRECORDED)


def _samples(run: Run, source: dict[str, str]) -> Fact:
    having = sum(part.samples is not None for part in run.parts)
    if 0 < having < len(run.parts):
        return fact(f"of {having} of {len(run.parts)} tasks", "setting", source)
    return fact(having > 0, "setting", source)
