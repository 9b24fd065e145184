"""Facts that few studies have: each part of the page where its fact is missing, or something odd was recorded."""

import random
from typing import Any

Facts = dict[str, Any]
_RARELY = 0.04


def _text(value: str, like: Facts) -> Facts:
    return {"value": value, "unit": "text", "source": like["source"]}


def _missing(why: str) -> Facts:
    return {"missing": why}


def shake_rarely(facts: Facts, choice: random.Random) -> None:
    """Changes ``facts`` in place: each rare thing with a small probability of its own."""

    def rarely() -> bool:
        return choice.random() < _RARELY

    for task in facts["tasks"]:
        if "before" not in task or "floor" not in task:
            continue
        name = task["name"]
        if rarely():
            task["clustered"], task["cluster"] = False, _missing("the task declares none")
        if rarely():
            task["limited"] = True
            task["available"]["value"] = task["scored"]["value"] + choice.choice([1, 1000])
        for comparison in task["comparisons"]:
            _comparison(comparison, name, rarely, choice)
        if rarely():
            _undeclare(task)
        for side in (task["before"], *(comparison["after"] for comparison in task["comparisons"])):
            if "diagnosis" not in side:
                continue
            if rarely():
                side["allowed"] = _text("truncated_prompts", name)
            if rarely():
                side["dtype"] = _text(choice.choice(["torch.float16", "torch.bfloat16"]), name)
            if rarely():
                side["model_class"] = _text(choice.choice(["hf", "aftertune-head"]), name)
            for found in side["diagnosis"].values():
                _diagnosis(found, rarely)
    published = choice.choice([0.0, 0.0, 0.5, 1.0])
    for checkpoint in facts["checkpoints"]:
        if choice.random() < published:
            _publish(checkpoint)
        if "absent" not in checkpoint:
            _checkpoint(checkpoint, rarely, choice)
    if rarely():
        facts["parameters"] = {"absent": _missing("there is no parameters/base.json")}
    elif rarely():
        _uncount(facts["parameters"], "parameters/base.json does not record it")
    if rarely():
        facts["model"]["fingerprint"] = _missing("model.json does not record it")
    _beside(facts, choice, rarely)


def _uncount(parameters: Facts, why: str) -> None:
    """Makes the ledger one of a file that holds neither a total nor components."""
    parameters["total"] = parameters["trained_share"] = _missing(why)
    parameters["components"] = []


def _comparison(comparison: Facts, task: Facts, rarely: Any, choice: random.Random) -> None:
    overlap = comparison["overlap"]
    if rarely():
        comparison["overlaps"] = True
    if overlap and rarely():
        comparison["overlap"] = {"absent": _missing("there is no overlap file")}
    elif rarely():
        for score in comparison["scores"]:
            score["primary"] = False
        if (
            overlap and "parts" in overlap and choice.random() < 0.5
        ):  # of a primary metric that no file has a score of there are parts
            overlap["parts"] = []
    for score in comparison["scores"]:
        for side in ("before_place", "after_place"):
            if "value" in score[side] and choice.random() < 0.2:
                score[side]["value"] = 1
        if "value" in score["detectable"] and rarely():
            score["detectable"] = _missing("the score has too few clusters")


def _undeclare(task: Facts) -> None:
    """Makes the task one that declares no primary metric, so that nothing is told in it."""
    task["primary"], task["over_tokens"] = _missing("the task declares none"), None
    for comparison in task["comparisons"]:
        for score in comparison["scores"]:
            score["primary"] = False
        if "parts" in (comparison["overlap"] or {}):
            comparison["overlap"]["parts"] = []


def _diagnosis(found: Facts, rarely: Any) -> None:
    lost = ["truncated", "cut_off", "gold_too_long", "holds_more", "gold_cut"]
    lost += ["words"] if "holds_more" in found else []  # of generated outputs they are always known
    for key in lost:
        if key in found and rarely():
            found[key] = _missing("the sample file does not record it")
    if "prior" in found and rarely():
        found["prior"] = {"share": _missing("it was not measured: there is no prior.json")}
    if "unanswerable" in found and rarely():
        found["unanswerable"]["value"] = 0
        found["abstained_unanswerable"] = _missing("every question has an answer")


def _publish(checkpoint: Facts) -> None:
    place = {"url": "https://huggingface.co/a/b", "commit": "ab" * 20, "checked_at": "2026-11-30", "repo": "a/b"}
    checkpoint["hub"] = {key: _text(value, checkpoint["name"]) for key, value in place.items()} | {"published": True}


def _checkpoint(checkpoint: Facts, rarely: Any, choice: random.Random) -> None:
    for row in checkpoint["data"]["dropped"]:
        if row["reason"]["value"] == "identical":
            row["rows"]["value"] = choice.choice([0, 2, 2, 7])
    for row in checkpoint["recipe"]:
        if rarely():
            row["value"]["value"] = 7
    if rarely():
        checkpoint["recipe"] = checkpoint["recipe"][: choice.choice([0, 2])]
    if rarely():
        checkpoint["parameters"] = {"absent": _missing("its parameters have not been counted")}
    elif rarely():
        _uncount(checkpoint["parameters"], "parameters/a.json does not record it")
    if rarely():
        checkpoint["changes"] = {"absent": _missing("there is no tensors.json")}
    elif rarely():
        checkpoint["changes"]["adapted"] = False
    if rarely() and "value" in checkpoint["base_fingerprint"]:
        checkpoint["base_fingerprint"]["value"] = "cd" * 32
    elif rarely():
        checkpoint["base_fingerprint"] = _missing("its record has none")


def _beside(facts: Facts, choice: random.Random, rarely: Any) -> None:
    """Changes what stands beside scores and checkpoints: checks, templates, steps that failed."""
    if facts.get("pair_checks") and rarely():
        facts["pair_checks"] |= {"objections": [], "objected": {**facts["pair_checks"]["objected"], "value": 0}}
    elif facts.get("pair_checks") and rarely():
        facts["pair_checks"] = None
    name = facts["study"]["name"]

    def count(value: int) -> Facts:
        return {"value": value, "unit": "count", "source": name["source"]}

    if choice.random() < 0.2:
        row = {"checkpoint": "a", "id": "loss_falls", "verdict": "objects", "found": "the loss rose from 1 to 2"}
        objections = [{key: _text(value, name) for key, value in row.items()}] * choice.choice([0, 0, 1, 2])
        facts["checks"] = {"checkpoints": count(2), "guards": count(14), "proofs": count(9)}
        facts["checks"] |= {"objected": count(len(objections)), "objections": objections}
    if rarely():
        facts["templates"] = [_text("report.md.j2", name), _text("report.css", name)]
        if choice.random() < 0.7:
            words = {"template": _text("report.md.j2", name), "words": _text("because, 3", name)}
            rows = [{**words, "line": count(line)} for line in range(3, 3 + choice.choice([1, 2]))]
            facts["own_words"] = {"lines": count(len(rows) + choice.choice([0, 4])), "first": rows}
    if rarely():
        step = {"step": _text("train_a", name), "tries": count(2), "reason": _text("out of memory", name)}
        facts["unfinished"]["failed"] = [step]
        facts["unfinished"]["unscored"] = [_text("`a` on reviews", name)] * choice.choice([0, 1, 2])
