"""What must be said of what the numbers do not cover, and before a score is believed."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.oracle import controls, lines, retention, simpler_means
from tests.oracle.lines import Line, count, known, line, reason, setting, text
from tests.oracle.sentences import overlap, overlap_kind
from tests.oracle.weights import named

Part = Mapping[str, Any]


_UNLIKE = {
    "dtype": "On {name}, the base model was scored in {before} and {who} in {after}: a part of the difference "
    "may come from the dtype.",
    "model_class": "On {name}, the base model answered by lm_eval's class {before} and {who} by {after}: a "
    "checkpoint of that class has a head that the base model has not, and the difference is that of "
    "the two ways to answer as well.",
}
"""What must be said where base and checkpoint were scored in different ways, by the fact that tells them apart."""


_ALLOWED = "On {task}, {who} was scored although these guards of scoring failed, because --allow named them: {guards}."


def limits(facts: Part) -> list[Line]:
    """Returns what must be said of what the numbers do not cover; once of the checkpoints of which it is the same."""
    seeds = [setting(seed) for seed in facts["study"]["seeds"]]
    words = (
        "One training seed ({seeds}): the intervals cover the sampling of items only; how far another seed's scores "
        "would lie from these was not measured."
        if len(seeds) == 1
        else "Several training seeds ({seeds}): the interval of each score covers the sampling of items only; the "
        "spread over seeds is shown apart."
    )
    said = [line(words, seeds=lines.joined(seeds))] if seeds else []
    if any("elsewhere" in checkpoint for checkpoint in facts["checkpoints"]):
        words = (
            "A checkpoint from elsewhere is one run of its recipe: the intervals cover the sampling of items only; how "
        )
        said.append(line(words + "far another run's scores would lie from these was not measured."))
    for task in facts["tasks"]:
        if "before" in task:
            said += _limits_of(task)
    words = "Training rows that equal a scored row in every field but an id were left out before the training of {who} "
    words += "({rows} of them)."
    left_out: dict[int, list[Line]] = {}
    for checkpoint in facts["checkpoints"]:
        for row in (checkpoint.get("data") or {}).get("dropped") or ():
            if row["reason"]["value"] == "identical" and row["rows"]["value"]:
                left_out.setdefault(row["rows"]["value"], []).append(text(checkpoint["display_name"]))
    for rows, names in left_out.items():
        said.append(line(words, rows=count({"value": rows}), who=named(names)))
    return said


def _limits_of(task: Part) -> Iterable[Line]:
    scored, available = task["scored"], task["available"]
    name = text(task["name"])
    if known(available) and available["value"] > scored["value"]:
        words = "On {name}, {scored} of {available} items were scored: the study sets a limit."
        yield line(words, name=name, scored=count(scored), available=count(available))
    if not known(task["cluster"]):
        words = (
            "{name} declares no cluster: its items count as independent, and if they are not, the intervals are too "
            "narrow."
        )
        yield line(words, name=name)
    else:
        yield from _few_clusters(task)
    unlike: dict[tuple[str, str], list[tuple[Line, Line, Line]]] = {}
    for comparison in task["comparisons"]:
        for key in _UNLIKE:
            before, after = task["before"].get(key, {}), comparison["after"].get(key, {})
            if known(before) and known(after) and before["value"] != after["value"]:
                alike = unlike.setdefault((key, str(after["value"])), [])
                alike.append((text(before), text(after), text(comparison["display_name"])))
    for (key, _), found in unlike.items():
        before, after, _ = found[0]
        yield line(_UNLIKE[key], name=name, before=before, after=after, who=named([one for _, _, one in found]))


def _few_clusters(task: Part) -> Iterable[Line]:
    """Yields that intervals were never tried on so few clusters: fewer than 24, the fewest of their simulation."""
    differences = (score["difference"] for one in task["comparisons"] for score in one["scores"] if score["primary"])
    few = [one for one in differences if "clusters" in one and not one["clusters"] >= 24]
    if few:
        words = (
            "On {name}, the {items} items lie in {clusters} clusters: the coverage of the intervals was simulated for "
            "more clusters only, and on so few they may be too narrow."
        )
        name = text(task["name"])
        yield line(words, name=name, items=lines.counted(few[0], "n"), clusters=lines.counted(few[0], "clusters"))


def warnings(facts: Part) -> list[Line]:
    """Returns what a reader must be told before a score is believed, and which scores there are not."""
    said = []
    for step in facts["unfinished"]["failed"]:
        words = "The step {step} failed (tries: {tries}): {reason}"
        said.append(line(words, step=text(step["step"]), tries=count(step["tries"]), reason=text(step["reason"])))
    if cells := facts["unfinished"]["unscored"]:
        words = "Not scored, since steps of the last run failed: {cells}."
        said.append(line(words, cells=lines.joined(map(text, cells))))
    for task in facts["tasks"]:
        passed_over = task.get("before", {}).get("allowed", {})
        if known(passed_over):
            who = line("the base model ({setting})", setting=text(task["setting"]))
            said.append(line(_ALLOWED, task=text(task["name"]), who=who, guards=text(passed_over)))
    for task in facts["tasks"]:
        for comparison in task.get("comparisons", []):
            passed_over = comparison["after"].get("allowed", {})
            if known(passed_over):
                who = text(comparison["display_name"])
                said.append(line(_ALLOWED, task=text(task["name"]), who=who, guards=text(passed_over)))
            if simpler_means.kind(comparison) in ("open", "same", "worse"):
                said.append(simpler_means.said(task, comparison))
            names = {"task": text(task["name"]), "checkpoint": text(comparison["display_name"])}
            if comparison["overlaps"]:
                words = (
                    "{checkpoint} was trained on {trained_on} and is scored on {task}: the two overlap, so it has seen "
                    "items that it is scored on, and its score there is not evidence of what it learned."
                )
                said.append(line(words, trained_on=text(comparison["trained_on"]), **names))
            if comparison["refused"]:
                words = "On {task}, the scores of {checkpoint} are not compared with the base model's: {reason}."
                said.append(line(words, reason=reason(comparison["refused"]), **names))
            graded = comparison["overlap"] and "absent" not in comparison["overlap"]
            if graded and overlap_kind(comparison) in ("everything", "turns", "open"):
                said.append(line("On {task} ({checkpoint}), {verdict}.", verdict=overlap(comparison), **names))
    said += [controls.verdict(gain) for gain in facts.get("controls") or () if controls.kind(gain) == "format"]
    said += retention.lost(facts)
    return said
