"""Every table of the page: its header, its rows in their order, and the fact that belongs into each cell.

To add a table, write a function that gives its header and its rows; to add a column, a cell to each.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.oracle import simpler_means
from tests.oracle.expected import NOTHING, Table, table
from tests.oracle.lines import (
    Fact,
    Line,
    chance,
    change,
    count,
    counted,
    difference,
    digest,
    duration,
    joined,
    known,
    line,
    number,
    percent,
    setting,
    size,
    text,
    value,
)

Part = Mapping[str, Any]
_PROPERTY = "property | value"


def model(card: Part) -> Table:
    """Returns what is said of the base model."""
    rows = [
        ("name", text(card["name"])),
        ("architecture", text(card["architecture"])),
        ("parameters", count(card["parameters"])),
        ("layers", count(card["layers"])),
        ("hidden size", count(card["hidden_size"])),
        ("vocabulary", count(card["vocabulary"])),
        ("context length, tokens", count(card["context_length_tokens"])),
        ("licence", text(card["licence"])),
        ("page", text(card["url"])),
        ("source of the weights", text(card["source"])),
    ]
    if known(card["dequantised_from"]):
        rows.append(("dequantised from", text(card["dequantised_from"])))
    if known(card.get("revision", {})):
        rows.append(("commit on the Hub", text(card["revision"])))
    rows += [
        ("SHA-256 of the weights", digest(card["fingerprint"])),
        ("SHA-256 of the configuration", digest(card["config_sha256"])),
    ]
    return table(_PROPERTY, rows)


def ledger(parameters: Part) -> Table:
    """Returns the parameters component by component."""
    rows: list[tuple[Line | str, ...]] = [
        (
            text(row["component"]),
            count(row["counted"]),
            count(row["closed_form"]),
            text(row["formula"]),
            count(row["trainable"]),
        )
        for row in parameters["components"]
    ]
    total, trainable = count(parameters["total"]), count(parameters["trainable"])
    rows.append(("total", total, "the sum", "the sum of the rows above", trainable))
    return table("component | parameters | closed form | formula | trainable", rows)


_TRAINING = "checkpoint | training rows | steps | epochs | target tokens | time | peak memory"


def training(checkpoints: list[Part]) -> Table:
    """Returns what each checkpoint was trained on, and what it took."""
    rows: list[tuple[Line | str, ...]] = []
    for checkpoint in checkpoints:
        name = text(checkpoint["display_name"])
        if "absent" in checkpoint:
            rows.append((name, text(checkpoint["absent"]), *[NOTHING] * 5))
            continue
        rows.append(
            (
                name,
                count(checkpoint["data"]["rows"]),
                count(checkpoint["steps"]),
                setting(checkpoint["epochs"]),
                count(checkpoint["tokens_supervised"]),
                duration(checkpoint["seconds"]),
                size(checkpoint["peak_memory"]),
            )
        )
    return table(_TRAINING, rows)


def run(checkpoint: Part) -> Table:
    """Returns how a checkpoint was trained."""
    data, loss = checkpoint["data"], checkpoint["loss"]
    losses = text(loss["curve"])
    if known(loss["curve"]):
        losses = joined([number(loss["first"]), number(loss["last"])])
    rows: list[tuple[Line | str, Line]] = [
        ("commit", digest(checkpoint["commit"])),
        ("data", line("{name} (from: {source})", name=text(data["name"]), source=text(data["source"]))),
        ("revision of the data", text(data["revision"])),
        ("SHA-256 of the training rows", digest(data["fingerprint"])),
        ("training rows available", count(data["rows_available"])),
        *[(line("rows left out by {why}", why=text(row["reason"])), count(row["rows"])) for row in data["dropped"]],
        ("prompt template hash", digest(checkpoint["render_hash"])),
        ("device and dtype", joined([text(checkpoint["device"]), text(checkpoint["dtype"])])),
        ("tokens of the training inputs", count(checkpoint["tokens_input"])),
    ]
    if checkpoint["resumed"]:
        rows.append(("interrupted, and resumed at step", joined(count(step) for step in checkpoint["resumed"])))
    return table(_PROPERTY, [*rows, ("training loss, first and last", losses)])


def elsewhere(checkpoint: Part) -> Table:
    """Returns where a checkpoint that was trained elsewhere comes from, as far as that is told."""
    own, loss = checkpoint["elsewhere"], checkpoint["loss"]
    losses = text(loss["curve"])
    if known(loss["curve"]):
        losses = joined([number(loss["first"]), number(loss["last"])])
    name = "training loss, first and last" if known(loss["curve"]) else "training loss"
    rows = [
        ("commit on the Hub", digest(own["revision"])),
        ("SHA-256 of the weights, or commit", digest(own["fingerprint"])),
        ("trained on", text(checkpoint["task"])),
        ("method", text(checkpoint["method"])),
        ("training seed", setting(checkpoint["seed"])),
        (name, losses),
    ]
    return table(_PROPERTY, rows)


def recorded(checkpoint: Part) -> Iterator[Table]:
    """Yields the settings that the files of a checkpoint record, each with its file; nothing where there are none."""
    rows = [
        [text(row["name"]), setting(row["value"]), text(row["file"]) if "file" in row else ("not recorded",)]
        for row in checkpoint["recipe"]
    ]
    if rows:
        yield table("setting | value | recorded in", rows)


_SETTINGS = 6
"""Settings beside each other at most."""


def recipes(trained: list[Part]) -> Iterator[Table]:
    """Yields the settings in which checkpoints differ, a few in a table, and then those that are the same in all."""
    every = [{row["name"]["value"]: row["value"] for row in one["recipe"]} for one in trained]
    names = list(dict.fromkeys(name for own in every for name in own))
    alike = [name for name in names if all(_is_same(own.get(name), every[0].get(name)) for own in every)]
    others = [name for name in names if name not in alike]
    while others:
        part, others = others[:_SETTINGS], others[_SETTINGS:]
        header = " | ".join(["what differs", *(f"{{_{i}}}" for i, _ in enumerate(part))])
        rows = [
            [text(one["display_name"]), *(setting(own[name]) if name in own else ("not recorded",) for name in part)]
            for one, own in zip(trained, every, strict=True)
        ]
        yield table(header, rows, **{f"_{i}": text({"value": name}) for i, name in enumerate(part)})
    if alike:
        rows = [[text({"value": name}), setting(every[0][name])] for name in alike]
        yield table("shared by all | value" if len(trained) > 1 else "setting | value", rows)


def _is_same(one: Fact | None, other: Fact | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(
        type(one.get(key)) is type(other.get(key)) and one.get(key) == other.get(key) for key in ("value", "missing")
    )


def loss(curve: Fact) -> Table:
    """Returns the points of a loss curve."""
    points = [({"value": step}, {"value": loss, "unit": "number"}) for step, loss in curve["value"]]
    return table("step | training loss", [(count(step), number(loss)) for step, loss in points])


def task(found: Part) -> Table:
    """Returns what a task says of itself, and the score that needs no model."""
    data = found["data"]
    how = found["floor"]["how"]
    floor = line(
        "{score}{how}",
        score=value(found["floor"]["score"]),
        how=line(", by {how}", how=text(how)) if known(how) else (),
    )
    origin = line(
        "{name} (from: {source}), revision: {revision}",
        **{key: text(data[key]) for key in ("name", "source", "revision")},
    )
    return table(
        _PROPERTY,
        [
            ("version", setting(found["version"])),
            ("data", origin),
            ("items scored, of those available", _of(found["scored"], found["available"])),
            ("few-shot examples", text(found["setting"])),
            ("cluster", text(found["cluster"])),
            ("primary metric", text(found["primary"])),
            ("trivial baseline", floor),
            *(_simpler(one, means) for one in found["comparisons"] for means in simpler_means.every(one)),
        ],
    )


def _simpler(comparison: Part, means: Part) -> tuple[Line, Line]:
    said = line(
        "{score}; minus the base: {above}; fine-tuned minus it: {below}",
        score=value(means["score"]),
        above=change(means["above_base"]),
        below=change(means["tuned_above"]),
    )
    if "training_rows" in means:
        words = "{said}; training rows: {rows}; words and word pairs: {vocabulary}"
        said = line(words, said=said, rows=count(means["training_rows"]), vocabulary=count(means["vocabulary"]))
    return line("{means} beside {name}", means=text(means["name"]), name=text(comparison["display_name"])), said


def ranges(task: Part) -> Table:
    """Returns between which scores each metric moves, and how it is computed."""
    return table(
        "metric | trivial baseline | its answers | gold answers | metric signature",
        [
            (text(row["label"]), value(row["floor"]), text(row["how"]), number(row["ceiling"]), text(row["signature"]))
            for row in task["ranges"]
        ],
    )


def _label(score: Part) -> Line:
    return line("{label}" + (" (primary)" if score["primary"] else ""), label=text(score["label"]))


def scores(task: Part, comparison: Part) -> Table:
    """Returns every metric before and after, with the difference and what it was measured on."""
    rows = []
    for score in comparison["scores"]:
        measured = score["before"] if known(score["before"]) else score["after"]
        rows.append(
            (
                _label(score),
                value(score["before"]),
                value(score["after"]),
                change(score["difference"]),
                counted(measured, "n"),
                counted(measured, "clusters"),
            )
        )
    header = "metric | base, {setting} | fine-tuned | difference | items | clusters"
    return table(header, rows, setting=text(task["setting"]))


def tests(comparison: Part) -> Table:
    """Returns every metric's p-value, the smallest difference that would be found, and the places in the range."""
    return table(
        "metric | p-value | Holm-adjusted p | minimum detectable effect | normalised score, base | "
        "normalised score, fine-tuned",
        [
            (
                _label(score),
                chance(score["p_value"]),
                chance(score["adjusted"]) if known(score["adjusted"]) else "–",
                number(score["detectable"]),
                percent(score["before_place"]),
                percent(score["after_place"]),
            )
            for score in comparison["scores"]
        ],
    )


def transitions(counts: Part) -> Table:
    """Returns the items by right or wrong, before and after."""
    return table(
        "{label}, item by item | correct after | wrong after",
        [
            ("correct before", count(counts["both_right"]), count(counts["broken"])),
            ("wrong before", count(counts["fixed"]), count(counts["both_wrong"])),
        ],
        label=text(counts["label"]),
    )


def _sides(task: Part, comparison: Part, kind: str) -> list[tuple[Line, Part]]:
    sides = ((line("base"), task["before"]), (text(comparison["display_name"]), comparison["after"]))
    return [(name, side["diagnosis"][kind]) for name, side in sides if kind in side.get("diagnosis", {})]


def said(task: Part, comparison: Part) -> Table:
    """Returns the confusion matrix of both sides."""
    counts = ("true_positive", "false_positive", "false_negative", "true_negative")
    return table(
        "label {positive} | true positives | false positives | false negatives | true negatives | "
        "predicted positive rate",
        [
            (name, *[count(found[key]) for key in counts], _share(found["predicted_share"]))
            for name, found in _sides(task, comparison, "classification")
        ],
        positive=text(task["positive"]),
    )


def classes(task: Part, comparison: Part) -> Iterator[Table]:
    """Yields, for each side, precision and recall of each of more than two labels, and the scores over all of them."""
    sides = ((line("base"), task["before"]), (text(comparison["display_name"]), comparison["after"]))
    for name, found in ((name, side["matrix"]) for name, side in sides if "matrix" in side):
        rows = [
            (
                text(row["label"]),
                count(row["gold"]),
                percent(row["gold_share"]),
                count(row["predicted"]),
                count(row["correct"]),
                _share(row["precision"]),
                _share(row["recall"]),
            )
            for row in found["classes"]
        ]
        yield table("label: {name} | gold items | share | predicted | correct | precision | recall", rows, name=name)
        overall = [(text(row["label"]), value(row["score"])) for row in found["overall"]]
        yield table("over all labels: {name} | score", overall, name=name)


def calibrations(task: Part, comparison: Part) -> Iterator[Table]:
    """Yields, for each side, how often answers are right by how probable they are."""
    of_two, of_more = (_sides(task, comparison, kind) for kind in ("classification", "choices"))
    for name, found in of_two + of_more:
        if found["calibration"]["bins"]:
            yield table(
                "confidence: {name} | items | mean confidence | accuracy",
                [
                    (
                        line("{lower} to {upper}", lower=percent(part["lower"]), upper=percent(part["upper"])),
                        count(part["scored"]),
                        percent(part["confidence"]),
                        percent(part["right"]),
                    )
                    for part in found["calibration"]["bins"]
                ],
                name=name,
            )


def grades(overlap: Part) -> Table:
    """Returns how many scored items resemble training rows, by what counts as resembling."""
    rows: list[tuple[Line | str, ...]] = [
        (text(row["grade"]), count(row["scored"]), percent(row["share"]), text(row["meaning"]))
        for row in overlap["grades"]
    ]
    some = (count(overlap["some"]), percent(overlap["some_share"]))
    rows.append(("any of these", *some, "an item can be of several"))
    header = "overlap with the {rows} training rows | items | share | definition"
    return table(header, rows, rows=count(overlap["training_rows"]))


def parts(task: Part, overlap: Part) -> Table:
    """Returns the primary scores on the items without any overlap, and on those with some."""
    rows = [
        (
            text(row["part"]),
            count(row["scored"]),
            value(row["before"]),
            value(row["after"]),
            change(row["difference"]),
        )
        for row in overlap["parts"]
    ]
    return table("{primary} | items | base | fine-tuned | difference", rows, primary=text(task["primary"]))


_EXAMPLES = {
    "fixed": "fixed",
    "broken": "broken",
    "both_right": "both correct",
    "both_wrong": "both wrong",
}


def examples(found: Part) -> Table:
    """Returns items to read, quoted from the sample files."""
    keys = ("input", "gold", "before", "after")
    rows: list[tuple[Line | str, ...]] = [
        (name, *[text(row[key]) for key in keys]) for kind, name in _EXAMPLES.items() for row in found[kind]
    ]
    return table("item by item | input | gold | base | fine-tuned", rows)


def unanswered(task: Part, comparison: Part) -> Table:
    """Returns how often either side gave no answer."""
    keys = ("abstained", "abstained_answerable", "abstained_unanswerable")
    return table(
        "abstention rate | all | answerable | unanswerable",
        [(name, *[_share(found[key]) for key in keys]) for name, found in _sides(task, comparison, "extraction")],
    )


def parameters_after(facts: Part) -> Table:
    """Returns the parameters of the base model and of every checkpoint."""
    base = facts["parameters"]
    rows: list[tuple[Line | str, ...]] = []
    if "absent" in base:
        rows.append(("base model", text(base["absent"]), "not recorded", "not recorded", "not recorded"))
    else:
        rows.append(("base model", count(base["total"]), "none", "none yet", "none yet"))
    for checkpoint in facts["checkpoints"]:
        own, name = checkpoint["parameters"], text(checkpoint["display_name"])
        if "absent" in own:
            rows.append((name, text(own["absent"]), "not recorded", "not recorded", "not recorded"))
        else:
            counts = [count(own[key]) for key in ("total", "added", "trainable")]
            rows.append((name, *counts, percent(own["trained_share"])))
    return table("model | parameters | added | trained | trained share", rows)


def changes(checkpoint: Part) -> Table:
    """Returns how much training changed the matrices, by kind and by layer."""
    found = checkpoint["changes"]
    named = [(text(row["kind"]), row) for row in found["kinds"]]
    named += [(line("layer {n}", n=count(row["layer"])), row) for row in found["layers"]]
    return table(
        "trained matrices | tensors | relative change, mean | largest",
        [(name, count(row["tensors"]), percent(row["mean"]), percent(row["largest"])) for name, row in named],
    )


def claims(audit: Part) -> Table:
    """Returns what somebody else claimed, and what became of it."""
    keys = ("where", "quote", "verdict", "arithmetic")
    rows = [[text(claim[key]) for key in keys] for claim in audit["claims"]]
    return table("where | what is claimed | verdict | the arithmetic", rows)


def verdicts(audit: Part) -> Table:
    """Returns how many claims came to which verdict."""
    keys = ("holds", "impossible", "cannot_be_told", "missing")
    header = "hold | impossible | cannot be told | missing"
    return table(header, [[count(audit["counts"][key]) for key in keys]])


def hub(published: list[Part]) -> Table:
    """Returns where each published checkpoint is."""
    rows = []
    for checkpoint in published:
        place = checkpoint["hub"]
        where = line(
            "{url}, commit {commit}, link checked {when}",
            url=text(place["url"]),
            commit=digest(place["commit"]),
            when=text(place["checked_at"]),
        )
        rows.append((text(checkpoint["display_name"]), where))
    return table("checkpoint | on the Hugging Face Hub", rows)


def runs(facts: Part) -> Table:
    """Returns how each checkpoint was scored on each task."""
    return table(
        "scored | on | dtype | device | batch size | time | commit",
        [
            (
                *[text(run[key]) for key in ("checkpoint", "task", "model_dtype", "device")],
                setting(run["batch_size"]),
                duration(run["seconds"]),
                digest(run["commit"]),
            )
            for run in facts["reproduction"]["runs"]
        ],
    )


def random_seeds(facts: Part) -> Table:
    """Returns the seeds of lm_eval with which each checkpoint was scored."""
    return table(
        "scored | on | lm_eval's seeds",
        [
            (
                text(run["checkpoint"]),
                text(run["task"]),
                joined(line("{n} {v}", n=text(seed["name"]), v=setting(seed["value"])) for seed in run["seeds"]),
            )
            for run in facts["reproduction"]["runs"]
        ],
    )


def versions(facts: Part) -> Table:
    """Returns the software that was used, and what for."""
    keys = ("name", "version", "where")
    rows = [[text(row[key]) for key in keys] for row in facts["reproduction"]["versions"]]
    return table("software | version | used for", rows)


def splits(tasks: list[Part]) -> Table:
    """Returns the data that was scored on, split by split."""
    rows: list[tuple[Line | str, ...]] = []
    for found in tasks:
        if "absent" in found:
            continue
        name, nothing = text(found["name"]), "missing (the task records none)"
        for split in found["data"]["splits"]:
            rows.append((name, text(split["split"]), count(split["rows"]), digest(split["fingerprint"])))
        if not found["data"]["splits"]:
            rows.append((name, nothing, nothing, nothing))
    return table("data scored on | split | rows | SHA-256", rows)


def proofs(tasks: list[Part]) -> Table:
    """Returns what the rows of each split were compared with, which says whether they are those that are named."""
    rows = [
        (text(found["name"]), text(split["split"]), text(split["compared_with"]))
        for found in tasks
        for split in splits_of([found])
    ]
    return table("data scored on | split | its rows were compared with", rows)


def splits_of(tasks: list[Part]) -> list[Part]:
    """Returns the splits that the tasks record."""
    return [split for found in tasks if "absent" not in found for split in found["data"]["splits"]]


def files(facts: Part) -> Table:
    """Returns every file that a number comes from, with its digest."""
    return table("file | SHA-256", [(text(row["file"]), text(row["digest"])) for row in facts["reproduction"]["files"]])


def _of(part: Fact, whole: Fact) -> Line:
    return line("{part} of {whole}", part=count(part), whole=count(whole))


def _share(fact: Fact) -> Line:
    return value({**fact, "unit": "share"}) if known(fact) else difference(fact)
