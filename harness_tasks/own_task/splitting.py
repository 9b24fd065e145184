"""Which rows are trained on and which are scored: whole clusters on one side each, in an order that a seed decides."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness_tasks.errors import UserError
from harness_tasks.messages import counted
from harness_tasks.sampling import seeded_order
from harness_tasks.text import fold

Side = Literal["train", "test"]
SIDES: tuple[Side, ...] = ("train", "test")
TEST_NAMES = ("test", "validation", "valid", "val", "dev", "eval", "evaluation")
"""What a split column calls the scored rows: the first of these that occurs is scored."""


@dataclass(frozen=True)
class Item:
    """A row of the task.

    ``text``: what makes two rows the same, but for case and punctuation. ``cluster``: what the user's column says, None
    where it says nothing. ``label``: the class, None where there are none. ``split``: what the split column says.
    ``source``: a text that several items are asked about, None where there is none. ``answers``: the texts that are
    right, where answers are written.
    """

    row: dict[str, Any]
    text: str
    cluster: str | None = None
    label: str | None = None
    split: str | None = None
    source: str | None = None
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cleaned:
    """Items without duplicates, each with the name of its cluster, and how many were left out, by the reason."""

    items: list[Item]
    left_out: dict[str, int] = field(default_factory=dict)


def same_text(text: str) -> str:
    """Returns what two texts share that differ in case and punctuation alone; one of signs alone is itself."""
    return fold(text) or " ".join(text.split())


def clustered(items: Sequence[Item]) -> list[Item]:
    """Returns the items, each with its cluster's name: those of one cluster, text or source are in one, however linked.

    A cluster is called as the column calls that of its first item; without one, by the item's place.
    """
    parent = list(range(len(items)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = at = parent[parent[at]]
        return at

    first: dict[Hashable, int] = {}
    for at, item in enumerate(items):
        links: list[Hashable] = [("text", same_text(item.text))]
        links += [] if item.cluster is None else [("cluster", item.cluster)]
        links += [] if item.source is None else [("source", same_text(item.source))]
        for link in links:
            other, own = root(first.setdefault(link, at)), root(at)
            parent[max(other, own)] = min(other, own)
    # A row without a cluster of its own must not share a name with one that has.
    named = {item.cluster for item in items}
    names: dict[int, str] = {}
    for at, item in enumerate(items):
        if names.get(root(at)) is None and item.cluster is not None:
            names[root(at)] = item.cluster
    for at in range(len(items)):
        if root(at) not in names:
            name = f"row {at + 1}"
            while name in named:
                name += "'"
            names[root(at)] = name
    return [replace(item, cluster=names[root(at)]) for at, item in enumerate(items)]


def without_duplicates(items: Sequence[Item]) -> Cleaned:
    """Returns the clustered items, each text once, and none of a text that stands there with different labels."""
    kept, repeated, claimed = list[Item](), 0, 0
    for found in _alike(items, lambda item: same_text(item.text)):
        if len({item.label for item in found}) > 1:
            claimed += len(found)
            continue
        kept.append(_kept(found))
        repeated += len(found) - 1
    left_out = {"duplicates": repeated, "rows whose text stands there with different labels": claimed}
    return Cleaned(_in_order(kept, items), left_out)


def with_all_answers(items: Sequence[Item]) -> Cleaned:
    """Returns the clustered items, each text once with the answers of all rows that hold it.

    Texts that differ in signs or case alone may ask for other things ("3 + 4", "3 - 4"): they are one only where their
    answers are the same too. A text that stands there with answers and without one is left out.
    """
    joined, repeated, claimed = list[Item](), 0, 0
    for found in _alike(items, lambda item: " ".join(item.text.split())):
        if len({bool(item.answers) for item in found}) > 1:
            claimed += len(found)
            continue
        answers = tuple(dict.fromkeys(answer for item in found for answer in item.answers))
        joined.append(replace(_kept(found), answers=answers))
        repeated += len(found) - 1
    kept = list[Item]()
    for found in _alike(joined, lambda item: (same_text(item.text), frozenset(map(same_text, item.answers)))):
        kept.append(_kept(found))
        repeated += len(found) - 1
    left_out = {
        "duplicates whose answers are joined": repeated,
        "rows whose text stands there with an answer and without": claimed,
    }
    return Cleaned(_in_order(kept, items), left_out)


def _alike(items: Iterable[Item], key: Callable[[Item], Hashable]) -> Iterable[list[Item]]:
    found: dict[Hashable, list[Item]] = defaultdict(list)
    for item in items:
        found[key(item)].append(item)
    return found.values()


def _kept(found: Sequence[Item]) -> Item:
    """Returns the one that stays; where a split is given a scored one: what is scored is the user's choice."""
    return next((item for item in found if item.split and item.split.lower() in TEST_NAMES), found[0])


def _in_order(kept: Sequence[Item], items: Sequence[Item]) -> list[Item]:
    order = {id(item.row): at for at, item in enumerate(items)}
    return sorted(kept, key=lambda item: order[id(item.row)])


def split_by_share(items: Sequence[Item], share: float, seed: int) -> dict[Side, list[Item]]:
    """Returns both sides of clustered items: about ``share`` of the items of each label is scored, by whole cluster.

    Clusters come in an order that ``seed`` decides; one is scored where that brings the labels' counts nearer to their
    share. Each label is on both sides where its clusters allow it.

    Raises:
        UserError: the clusters of a label do not allow it, or there is one cluster alone.
    """
    counts: dict[str, Counter[str | None]] = defaultdict(Counter)
    for item in items:
        counts[str(item.cluster)][item.label] += 1
    total = sum(counts.values(), Counter[str | None]())
    _check_clusters(counts, total)
    target = {label: max(1.0, share * count) for label, count in total.items()}
    have, taken = Counter[str | None](), set[str]()
    order = seeded_order(counts, seed, prefix="cluster")

    def take(name: str) -> None:
        taken.add(name)
        have.update(counts[name])

    def leaves_training(name: str) -> bool:
        return all(total[label] - have[label] - count > 0 for label, count in counts[name].items())

    for label in sorted(total, key=lambda one: (total[one], str(one))):  # the rarest first
        fitting = [name for name in order if counts[name][label] and leaves_training(name)]
        if not have[label] and fitting:
            take(min(fitting, key=lambda name: counts[name].total()))
    for name in order:
        gain = sum(abs(target[one] - have[one]) - abs(target[one] - have[one] - n) for one, n in counts[name].items())
        if name not in taken and gain > 0 and leaves_training(name):
            take(name)
    sides: dict[Side, list[Item]] = {
        "train": [item for item in items if item.cluster not in taken],
        "test": [item for item in items if item.cluster in taken],
    }
    check_sides(sides, "no split by whole cluster has it on both sides")
    return sides


def _check_clusters(counts: dict[str, Counter[str | None]], total: Counter[str | None]) -> None:
    if len(counts) < 2:
        raise UserError(
            f"all rows are of one cluster ({next(iter(counts))!r})",
            "a cluster is trained on or scored as a whole, so one side would be empty",
            "name a finer column with --cluster, or leave it out where rows are independent",
        )
    for label in total:
        holding = [name for name, each in counts.items() if each[label]]
        if label is not None and len(holding) < 2:
            raise UserError(
                f"all {total[label]} rows with the label {label!r} are of one cluster ({holding[0]!r})",
                "a cluster is trained on or scored as a whole, so one side would have none of that label",
                "name a finer column with --cluster, add rows of that label, or remove them",
            )


def split_by_column(items: Sequence[Item], column: str) -> tuple[dict[Side, list[Item]], dict[str, int]]:
    """Returns both sides of clustered items as a column says, and how many were left out, by the reason.

    The scored rows stay as the column says; of the others, none is trained on whose cluster has a scored one.

    Raises:
        UserError: the column says something else than that a row is of training, validation or test; or no row is of
            training, none is scored, or a label is on one side only.
    """
    said = Counter(str(item.split).lower() for item in items)
    if unknown := [name for name in said if name not in (*TEST_NAMES, "train", "training")]:
        raise UserError(
            f"the column {column!r} says {unknown[0]!r} of {counted(said[unknown[0]], 'rows')}",
            "it must say which rows are trained on and which are scored",
            f"write train, or one of {', '.join(TEST_NAMES[:4])}; or leave --split out and take --test-share",
        )
    scored = next((name for name in TEST_NAMES if name in said), None)
    sides: dict[Side, list[Item]] = {
        "train": [item for item in items if str(item.split).lower() in ("train", "training")],
        "test": [item for item in items if str(item.split).lower() == scored],
    }
    others = len(items) - len(sides["train"]) - len(sides["test"])
    clusters = {item.cluster for item in sides["test"]}
    kept = [item for item in sides["train"] if item.cluster not in clusters]
    left_out = {
        "rows to train on of a cluster, or with the text, of a scored row": len(sides["train"]) - len(kept),
        f"rows of other splits than train and {scored}": others,
    }
    sides["train"] = kept
    check_sides(sides, f"the column {column!r} has them so, once training rows of scored clusters are left out")
    return sides, left_out


def check_sides(sides: dict[Side, list[Item]], why_so: str) -> None:
    """Raises UserError where a side is empty or lacks a label; ``why_so``: how that comes."""
    words = {"train": "trained on", "test": "scored"}
    labels = {side: {item.label for item in found} for side, found in sides.items()}
    for side in SIDES:
        lacking = sorted(map(str, labels["train" if side == "test" else "test"] - labels[side]))
        if sides[side] and not lacking:
            continue
        found = f"no row with the label {lacking[0]!r}" if sides[side] else "no row"
        raise UserError(
            f"{found} would be {words[side]}: {why_so}",
            "a label that is on one side alone is never learnt, or never tested",
            "add rows, name another --test-share or --split, or a finer --cluster",
        )


def is_by_whole_cluster(sides: dict[Side, list[Item]]) -> bool:
    """Returns whether no cluster, and no text but for case and punctuation, is on both sides."""

    def of(side: Side) -> Iterable[set[str]]:
        yield {str(item.cluster) for item in sides[side]}
        yield {same_text(item.text) for item in sides[side]}

    return not any(one & other for one, other in zip(of("train"), of("test"), strict=True))
