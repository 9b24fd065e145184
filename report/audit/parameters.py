"""Whether a number of parameters, or a share of trained ones, can be that of the architecture, head and adapter.

What the write-up does not name (a head, its labels, an adapter's targets and layers) is not taken for given: every
possibility is tried. A number that only such a possibility gives, or only another way of printing it, cannot be told.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice, product, repeat
from typing import Any, Literal, NamedTuple

from report.audit.architectures import Shape, shape
from report.audit.figures import Bounds, Printed, decimal, how_read
from report.audit.numbers import (
    HEADS,
    MOST_LABELS,
    HeadName,
    Lora,
    PossibleNumber,
    is_possible,
    totals,
    trained,
    unknown_targets,
)
from report.audit.outcome import Outcome

ShareRelation = Literal["is", "below", "above"]
_LABELS = 50
"""Below so many labels are tried together with whatever else is not said."""
_MOST_PAIRS = 200_000
"""Pairs of a trained and a whole number of parameters that are tried for a share."""


class Subject(NamedTuple):
    """The model that a claim is about; None: not said."""

    name: str
    architecture: Mapping[str, Any]
    head: HeadName | None = None
    labels: int | None = None
    lora: Lora | None = None
    method: str = "lora"
    """How an adapter is made, where there is one."""


def audit_parameters(figure: Printed, subject: Subject, *, of: Literal["total", "trainable"] = "total") -> Outcome:
    """Returns whether ``figure`` can be the number of parameters of that model, or of what is trained of it."""
    found = _shape(subject)
    if isinstance(found, Outcome):
        return found
    text = f"{figure.text} is given as the {of} number of parameters of {_described(subject)}. "
    text += f"{_summed(found, subject)}"
    numbers = _numbers(found, subject, of)
    ways = figure.count(), figure.count_cut_off(), figure.count_in_powers_of_two()
    widest = min(low for low, _ in ways), max(high for _, high in ways)
    for is_stated, ends, word, how in (
        (True, ways[0], "holds", ""),
        (
            True,
            ways[1],
            "cannot be told",
            f", the number {how_read('rounded down or up, not to the nearest', [figure])}",
        ),
        (False, ways[0], "cannot be told", ", which the write-up does not say"),
        (True, ways[2], "cannot be told", " in units of a power of two"),
        (False, widest, "cannot be told", ", which the write-up does not say, nor how it was rounded"),
    ):
        if (number := _within(numbers[is_stated], ends)) is not None:
            said = f"The number given is that of {number.name}{how}."
            return Outcome(word, f"{text} {said}")  # type: ignore[arg-type]
    if subject.lora and subject.lora.r is None:
        return Outcome("cannot be told", f"{text} The adapter's rank is not said, and its size follows from it.")
    heads = _heads(found, subject)
    if (lora := subject.lora) and any(
        is_possible(found, head, labels, lora, of, widest)
        for head in heads
        for labels in ((subject.labels,) if subject.labels else range(1, _LABELS if found.heads[head].per_label else 2))
    ):
        return Outcome("cannot be told", f"{text} It can be, with modules or layers that the write-up does not name.")
    whole = max(number.parameters for number in _named(found, subject, "total", heads[0]))
    if of == "trainable" and subject.lora is None and 0 < figure.value < whole:
        return Outcome("cannot be told", f"{text} Freezing some tensors gives other numbers; which is not said.")
    usual = [number for number, _ in numbers[True] if number.is_usual]
    least = min(number.parameters for number in usual)
    if lora and lora.is_more_trained and least <= widest[1] and widest[0] <= 2 * whole:  # copies, of all at most
        return Outcome("cannot be told", f"{text} What else is trained beside the adapter is not counted here.")
    nearest = min(usual, key=lambda number: abs(figure.value - number.parameters))
    off = int(figure.value - nearest.parameters)
    text += f" The nearest possible number is {nearest.parameters:,}, that of {nearest.name}; the one given is "
    text += f"{abs(off):,} {'more' if off > 0 else 'fewer'}."
    return Outcome("impossible", text + _given_in_anothers_place(figure, found, subject, of))


def audit_share(figure: Printed, subject: Subject, *, says: ShareRelation = "is") -> Outcome:
    """Returns whether ``figure`` can be the share of the parameters that are trained; without a % sign, of 1 or 100."""
    found = _shape(subject)
    if isinstance(found, Outcome):
        return found
    text = f"{figure.text} is given as the share of trained parameters of {_described(subject)}."
    if subject.lora and subject.lora.r is None:
        return Outcome("cannot be told", f"{text} The adapter's rank is not said, and its size follows from it.")
    ranges = _proportions(figure, says)
    are_all_tried = True
    for is_stated, (limits, how) in product((True, False), ranges):
        for tried, (part, whole) in enumerate(_pairs(found, subject, is_stated)):
            if tried == _MOST_PAIRS:
                are_all_tried = False
                break
            if limits[0] <= Fraction(part.parameters, whole.parameters) <= limits[1]:
                text = f"{text} {_quotient(part, whole, figure)}"
                if is_stated and not how:
                    return Outcome("holds", f"{text}.")
                unsaid = "" if is_stated else " That is more than the write-up says."
                return Outcome("cannot be told", f"{text}{how}.{unsaid}")
    if why := _why_untold(found, subject, ranges, are_all_tried=are_all_tried):
        return Outcome("cannot be told", f"{text} {why}")
    nearest = _quotient(*next(_pairs(found, subject, True)), figure)
    return Outcome("impossible", f"{text} Nearest to what is said: {nearest}. No way of counting gives the share.")


def _why_untold(found: Shape, subject: Subject, ranges: list[tuple[Bounds, str]], *, are_all_tried: bool) -> str | None:
    """Returns why a share that no count gives may yet be right; None where it cannot be."""
    if subject.lora is None:
        return "What is frozen is not said, and any share may be trained."
    if subject.labels is None and any(found.heads[head].per_label for head in _heads(found, subject)):
        least, most = (_share_of_labels(found, subject, labels) for labels in (1, MOST_LABELS))
        if any(low <= most and least <= high for (low, high), _ in ranges):
            return "How many labels a head has is not said, and it follows from it."
    if subject.lora.is_more_trained:
        return "What else is trained beside the adapter is not counted here."
    return None if are_all_tried else "The write-up leaves so much open that not all of it can be tried."


def _quotient(part: PossibleNumber, whole: PossibleNumber, figure: Printed) -> str:
    """Returns a share with both counts, to at least as many digits as ``figure`` has."""
    per_cent = decimal(Fraction(100 * part.parameters, whole.parameters), max(4, figure.decimals))
    return f"{part.name} {part.parameters:,} / {whole.name} {whole.parameters:,} = {per_cent} %"


def audit_quotient(figure: Printed, part: Printed, whole: Printed, *, says: ShareRelation = "is") -> Outcome:
    """Returns whether ``figure`` is the share that a printed number of trained parameters is of a printed total."""
    if whole.value <= 0:
        return Outcome("cannot be told", f"A share of {whole.text} says nothing.")
    text = f"{part.text} / {whole.text} = {decimal(100 * part.value / whole.value, max(4, figure.decimals))} %"
    for is_wide, word in ((False, "holds"), (True, "cannot be told")):
        above, below = (_ends(number, is_wide=is_wide) for number in (part, whole))
        low, high = above[0] / below[1], above[1] / max(below[0], Fraction(1))
        for ends, how in _proportions(figure, says):
            if ends[0] <= high and low <= ends[1]:
                is_plain = word == "holds" and not how
                found: Any = "holds" if is_plain else "cannot be told"
                return Outcome(found, f"{text}; {figure.text} is given{how}.")
    return Outcome("impossible", f"{text}; {figure.text} is given. No rounding of the figures makes the two agree.")


def _ends(number: Printed, *, is_wide: bool) -> Bounds:
    return number.widest_range() if is_wide else number.count()


def _proportions(figure: Printed, says: ShareRelation) -> list[tuple[Bounds, str]]:
    """Returns the ranges of a share, of 1; without a % sign it may be per cent, as peft prints it, or not."""
    fulls = (100,) if figure.per_cent else (100, 1)
    return [((ends[0] / full, ends[1] / full), how) for ends, how in _share_ranges(figure, says) for full in fulls]


def _share_ranges(figure: Printed, says: ShareRelation) -> list[tuple[Bounds, str]]:
    """Returns what the share may be, and how that is said: below or above the figure, or as it is printed."""
    if says == "below":
        return [((Fraction(0), figure.rounded()[1]), "")]
    if says == "above":
        return [((figure.rounded()[0], Fraction(100)), "")]
    return [(figure.rounded(), ""), (figure.cut_off(), f", {how_read('with further digits cut off', [figure])}")]


def _shape(subject: Subject) -> Shape | Outcome:
    """Returns the model's shape, or why nothing can be told of it."""
    found = shape(subject.architecture)
    if isinstance(found, str):
        return Outcome("cannot be told", found)
    kind = subject.architecture["model_type"]
    if subject.head is not None and subject.head not in found.heads:
        return Outcome("cannot be told", f"No closed form is known for {kind} {HEADS[subject.head]}.")
    if subject.lora is None:
        return found
    if subject.method not in ("lora", "dora", "qlora", "rslora"):
        return Outcome("cannot be told", f"No closed form is known for adapters of the method {subject.method}.")
    if unknown := unknown_targets(found, subject.lora):
        return Outcome("cannot be told", f"No linear module of {kind} is known as {', '.join(unknown)}.")
    if (subject.lora.layers or 0) > found.layers:
        return Outcome("cannot be told", f"The adapter is on {subject.lora.layers} layers; {kind} has {found.layers}.")
    return found


Numbers = list[tuple[PossibleNumber, PossibleNumber | None]]
"""Numbers, each with what it is for one label more, where the number of labels is not said."""


def _numbers(found: Shape, subject: Subject, of: str) -> dict[bool, Numbers]:
    """Returns the possible numbers: those for which what is said is enough (True), and the others."""
    numbers: dict[bool, Numbers] = {True: [], False: []}
    for head in _heads(found, subject):
        many = subject.labels is None and found.heads[head].per_label
        first = _of_head(found, subject, of, head, subject.labels or 1)
        second: Iterable[PossibleNumber | None] = _of_head(found, subject, of, head, 2) if many else repeat(None)
        for number, next_one in zip(first, second, strict=False):
            numbers[number.is_stated].append((number, next_one))
    return numbers


def _of_head(found: Shape, subject: Subject, of: str, head: HeadName, labels: int) -> Iterator[PossibleNumber]:
    numbers = (totals if of == "total" else trained)(found, head, labels, subject.lora)
    if subject.head is not None:
        return numbers
    return (number._replace(name=_with_head(number.name, head)) for number in numbers)


def _with_head(name: str, head: HeadName) -> str:
    whole = "the whole model"
    return name.replace(whole, f"{whole} {HEADS[head]}", 1) if whole in name else f"{name} {HEADS[head]}"


def _within(numbers: Numbers, ends: Bounds) -> PossibleNumber | None:
    """Returns the plainest number that lies in ``ends``, for some number of labels where that is not said."""
    low, high = ends
    for number, next_one in sorted(numbers, key=lambda pair: (not pair[0].is_usual, pair[1] is not None)):
        if low <= number.parameters <= high:
            return number if next_one is None else number._replace(name=f"{number.name} for 1 label")
        step = next_one.parameters - number.parameters if next_one else 0
        if step <= 0 or number.parameters > high:
            continue
        more = max(0, -int((number.parameters - low) // step))
        if more < MOST_LABELS and low <= number.parameters + more * step <= high:
            return number._replace(
                parameters=number.parameters + more * step, name=f"{number.name} for {1 + more} labels"
            )
    return None


def _heads(found: Shape, subject: Subject) -> list[HeadName]:
    return [subject.head] if subject.head is not None else list(found.heads)  # type: ignore[arg-type]


def _named(found: Shape, subject: Subject, of: str, head: HeadName) -> list[PossibleNumber]:
    return list(_of_head(found, subject, of, head, subject.labels or 2))


def _pairs(found: Shape, subject: Subject, is_stated: bool) -> Iterator[tuple[PossibleNumber, PossibleNumber]]:
    """Yields what is trained beside the whole that it may be a share of; the base alone is one such."""
    for head in _heads(found, subject):
        wholes = [number for number in _named(found, subject, "total", head) if number.is_stated]
        for part in _of_head(found, subject, "trainable", head, subject.labels or 2):
            if part.is_stated != is_stated:
                continue
            # All of a model is all of it, however it is counted; of a head or an adapter any whole may be the whole.
            is_whole = part.name.startswith("the whole model")
            yield from ((part, whole) for whole in wholes if not is_whole or part.parameters == whole.parameters)


def _share_of_labels(found: Shape, subject: Subject, labels: int) -> Fraction:
    """Returns an outermost share that is trained with so many labels: the least for one, the greatest for many."""
    choose = min if labels == 1 else max
    pairs = islice(_pairs(found, subject._replace(labels=labels), True), _MOST_PAIRS)
    return choose(Fraction(part.parameters, whole.parameters) for part, whole in pairs)


def _described(subject: Subject) -> str:
    """Returns the model in words, with its head and adapter as far as they are said."""
    text = subject.name
    if subject.head is not None:
        text += f" {HEADS[subject.head]}" + (f" for {subject.labels} labels" if subject.labels else "")
    if (lora := subject.lora) is not None:
        rank = f"of rank {lora.r}" if lora.r else "of an unsaid rank"
        name = {"dora": "DoRA", "qlora": "QLoRA"}.get(subject.method, "LoRA")
        text += f" and {name} {rank} on {', '.join(lora.targets) if lora.targets else 'modules that are not named'}"
        text += f" in {lora.layers} layers" if lora.layers else ""
    return text


def _summed(found: Shape, subject: Subject) -> str:
    """Returns the sum of the model's components; where no head is named, that of each head."""
    body = " + ".join(f"{name} {size:,}" for name, size in found.body.items() if size)
    total = sum(found.body.values())
    heads = _heads(found, subject)
    if len(heads) > 1:
        labels = subject.labels or 2
        each = "; ".join(
            f"{HEADS[head]}{f' for {labels} labels' if found.heads[head].per_label else ''} "
            f"{total + found.heads[head].parameters(labels):,}"
            for head in heads
        )
        return f"No head is named. Its body has {body} = {total:,} parameters; {each}."
    own = found.heads[heads[0]]
    if own.per_label and subject.labels is None:
        return f"Such a model has {body} + head {own.fixed:,} + {own.per_label:,} a label."
    head = own.parameters(subject.labels or 2)
    parts = [body, *([f"head {head:,}"] if head else [])]
    total += head
    adapter = next((n for n in trained(found, heads[0], subject.labels or 2, subject.lora)
                    if n.name == "the adapter alone"), None) if subject.lora else None  # fmt: skip
    if adapter is not None:
        parts.append(f"adapter {adapter.parameters:,}")
        total += adapter.parameters
    return f"Such a model has {' + '.join(parts)} = {total:,} parameters."


def _given_in_anothers_place(figure: Printed, found: Shape, subject: Subject, of: str) -> str:
    """Returns the remark whose number the figure is, where it is one that is often given in the right one's place."""
    low, high = figure.count()
    numbers: list[tuple[int, str]] = []
    for head in _heads(found, subject):
        if subject.lora is not None:
            other = "trainable" if of == "total" else "total"
            remark = "what is trained, not the total" if of == "total" else "the total, not what is trained"
            numbers += [(n.parameters, f"{n.name}: {remark}") for n in _named(found, subject, other, head)]
    for head, words in HEADS.items():
        if head in found.heads:
            whole = sum(found.body.values()) + found.heads[head].parameters(subject.labels or 2)
            numbers.append((whole, f"{subject.name} {words}"))
    return next((f" {figure.text} is the number of {name}." for count, name in numbers if low <= count <= high), "")
