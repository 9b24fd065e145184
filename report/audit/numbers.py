"""The parameter counts that a write-up may correctly give for a model: by head, adapter and convention."""

import itertools
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from report.audit.architectures import Shape

HeadName = Literal[
    "causal", "sequence-classification", "question-answering", "token-classification", "masked", "pretraining", "none"
]
HEADS: dict[HeadName, str] = {
    "causal": "as a causal language model",
    "sequence-classification": "with a sequence-classification head",
    "question-answering": "with a question-answering head",
    "token-classification": "with a token-classification head",
    "masked": "as a masked language model",
    "pretraining": "with its heads of pre-training",
    "none": "without a head",
}
MOST_LABELS = 1_000
"""Where the number of labels is not said, up to so many are tried."""
_MORE_TOKENS = 128
"""Tokens that are added to a vocabulary, or fill it up to a multiple of 64 or 128."""


class Lora(NamedTuple):
    """A LoRA adapter as a write-up describes it; None: not said."""

    r: int | None = None
    targets: tuple[str, ...] | None = None
    layers: int | None = None
    """How many layers it is put on."""
    is_dora: bool = False
    is_more_trained: bool = False
    """Whether biases or whole modules are said to be trained beside it."""


class PossibleNumber(NamedTuple):
    """A number of parameters, and what it is the number of."""

    parameters: int
    name: str
    is_stated: bool = True
    """Whether what the write-up says is enough for it; else it needs something that it does not say."""
    is_usual: bool = True
    """Whether it is counted as most people count: every parameter once."""


def totals(shape: Shape, head: HeadName, labels: int, lora: Lora | None) -> Iterator[PossibleNumber]:
    """Yields the numbers that may be given as the whole of the model with that head (and adapter)."""
    total = sum(shape.body.values()) + shape.heads[head].parameters(labels)
    yield from _adapted(shape, PossibleNumber(total, "the whole model"), head, labels, lora)
    if lora is None:
        yield PossibleNumber(total - _packed(shape), "the whole model, 4-bit weights counted in pairs", False, False)
    for name, parameters in _ways_to_count(shape, head):
        # A number of added tokens is no way to count: the write-up would have to say it.
        is_stated = "more tokens" not in name
        yield from _adapted(
            shape, PossibleNumber(total + parameters, f"the whole model {name}", is_stated, False), head, labels, lora
        )


def trained(shape: Shape, head: HeadName, labels: int, lora: Lora | None) -> Iterator[PossibleNumber]:
    """Yields the numbers that may be given as what is trained of it."""
    own = own_head(shape, head, labels)
    if lora is None:
        for number in totals(shape, head, labels, None):
            yield number._replace(name=f"{number.name}, all of it trained")
        for part in dict.fromkeys(own):
            if part:
                yield PossibleNumber(part, "the head alone")
        return
    for adapter in adapters(shape, lora):
        for part in dict.fromkeys(own):
            if part:
                yield PossibleNumber(adapter.parameters + part, f"{adapter.name} and head", adapter.is_stated)
        yield adapter._replace(name=f"{adapter.name} alone")
        for more, words in (*_saved_beside(shape, head), *_trained_beside(shape, head, lora)):
            for part in dict.fromkeys((0, *own)):
                name = f"{adapter.name}{' and head' if part else ''} and {words}"
                yield PossibleNumber(adapter.parameters + part + more, name, adapter.is_stated and lora.is_more_trained)


def own_head(shape: Shape, head: HeadName, labels: int) -> list[int]:
    """Returns the parameters of a head that is new, first all of them, then those that peft trains."""
    if head in ("causal", "masked", "pretraining", "none"):
        return [0]
    found = shape.heads[head]
    return [found.parameters(labels), found.parameters(labels) - found.frozen]


def adapters(shape: Shape, lora: Lora) -> Iterator[PossibleNumber]:
    """Yields the sizes that the adapter may have: what is stated of it first."""
    if lora.r is None:
        return
    linear = tuple(shape.modules)
    chosen = [lora.targets] if lora.targets else [linear, *_subsets(linear), (*linear, "lm_head")]
    for place, targets in enumerate(chosen):
        sizes = [size for target in targets for size in _sizes(shape, target)]
        inside = [size for target in targets for size in shape.modules.get(target, ())]
        is_stated = lora.targets is not None or place == 0
        named = "" if lora.targets or place == 0 else f" on {', '.join(targets)}"
        for layers in [lora.layers] if lora.layers else range(shape.layers, 0, -1):
            if layers > shape.layers:
                continue
            part = layers / shape.layers if inside == sizes else 1
            for is_dora in (True,) if lora.is_dora else (False, True):
                each = sum((lora.r * (i + o) + (o if is_dora else 0)) * times for i, o, times in sizes)
                where = "" if layers == shape.layers or lora.layers else f" on {layers} of {shape.layers} layers"
                how = " with DoRA's magnitudes" if is_dora and not lora.is_dora else ""
                yield PossibleNumber(
                    round(each * part), f"the adapter{named}{where}{how}", is_stated and not where and not how
                )


def is_possible(
    shape: Shape, head: HeadName, labels: int, lora: Lora, of: str, ends: tuple[Fraction, Fraction]
) -> bool:
    """Returns whether a number in ``ends`` is that of some adapter that fits what is said, counted in any way."""
    sizes = sorted({0, *(adapter.parameters for adapter in adapters(shape, lora))})
    own, copies = own_head(shape, head, labels), [size for size, _ in _saved_beside(shape, head)]
    trained_too = [size for size, _ in _trained_beside(shape, head, lora)]
    if of == "total":
        total = sum(shape.body.values()) + shape.heads[head].parameters(labels)
        packed = -_packed(shape)
        rests = [total + more for more in (0, *(size for _, size in _ways_to_count(shape, head)))]
        extras = [0, own[-1], packed, packed + own[-1], *copies]
    else:
        rests, extras = [0], [part + more for part in (0, *own) for more in (0, *copies, *trained_too)]
    for rest, extra in itertools.product(rests, extras):
        low, high = (end - rest - extra for end in ends)
        place = bisect_left(sizes, low)
        if place < len(sizes) and sizes[place] <= high:
            return True
    return False


def unknown_targets(shape: Shape, lora: Lora) -> list[str]:
    """Returns the targets that are no linear modules of the architecture that we know."""
    return [target for target in lora.targets or () if not list(_sizes(shape, target))]


def _sizes(shape: Shape, target: str) -> Iterator[tuple[int, int, int]]:
    """Yields inputs, outputs and number of the modules called ``target``."""
    name = target.rpartition(".")[2]
    if name in shape.modules:
        yield from shape.modules[name]
    elif name in ("lm_head", "embed_out", "embed_tokens", "wte", "embed_in", "word_embeddings", "shared"):
        yield shape.vocabulary, shape.hidden, 1


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for size in range(1, len(names)):
        yield from itertools.combinations(names, size)


def _adapted(
    shape: Shape, base: PossibleNumber, head: HeadName, labels: int, lora: Lora | None
) -> Iterator[PossibleNumber]:
    """Yields a base's number with its adapter; as it is, where there is none or where it is merged."""
    if lora is None:
        yield base
        return
    copy = own_head(shape, head, labels)[-1]
    is_plain = base.name == "the whole model"
    packed = _packed(shape)
    for adapter in adapters(shape, lora):
        if not (is_plain or adapter.is_stated):
            break  # what is stated comes first; two things that nobody said are not put together
        number = base._replace(
            parameters=base.parameters + adapter.parameters,
            name=f"{base.name} with its adapter{adapter.name.removeprefix('the adapter')}",
            is_stated=base.is_stated and adapter.is_stated,
        )
        yield number
        if copy:
            yield _more(number, copy, ", with peft's frozen copy of the head")
        yield _more(number, copy - packed, ", 4-bit weights counted in pairs")._replace(is_usual=False)
        for copies, words in _saved_beside(shape, head):
            yield _more(number, copies, f" and {words}")._replace(is_stated=False)
    yield base._replace(name=f"{base.name}, its adapter merged")
    if copy:
        yield _more(base, -copy, " without adapter and head")._replace(is_stated=False)


def _packed(shape: Shape) -> int:
    """Returns how many fewer parameters are counted where two 4-bit weights are one: older versions of peft did so."""
    return sum(i * o * times for sizes in shape.modules.values() for i, o, times in sizes) // 2


def _more(number: PossibleNumber, parameters: int, words: str) -> PossibleNumber:
    return number._replace(parameters=number.parameters + parameters, name=number.name + words)


def _saved_beside(shape: Shape, head: HeadName) -> Iterator[tuple[int, str]]:
    """Yields what peft trains whole beside an adapter where it is told to (`modules_to_save`)."""
    matrix = shape.hidden * shape.vocabulary
    yield matrix, "copies of the embeddings or the output matrix"
    if head == "causal":
        yield 2 * matrix, "copies of the embeddings and the output matrix"


def _trained_beside(shape: Shape, head: HeadName, lora: Lora) -> Iterator[tuple[int, str]]:
    """Yields what is trained beside an adapter, no copy of it: norms, embeddings (LongLoRA), biases (peft's `bias`)."""
    norms, matrix = shape.body["norms"], shape.hidden * shape.vocabulary
    yield norms, "the norms"
    yield norms + matrix, "the embeddings and norms"
    if head == "causal" and not shape.is_tied:
        yield norms + 2 * matrix, "the embeddings, the output matrix and the norms"
    by_module = {name: sum(o * times for _, o, times in shape.modules[name]) for name in shape.biased}
    targets = {target.rpartition(".")[2] for target in lora.targets or shape.modules}
    if of_targets := sum(size for name, size in by_module.items() if name in targets):
        yield of_targets, "the biases of its modules"
    if biases := all_biases(shape):
        yield biases, "all biases"
        if shape.heads[head].frozen:
            yield biases + shape.hidden, "all biases, with the pooler's"


def all_biases(shape: Shape) -> int:
    """Returns the number of biases in a body."""
    of_modules = (o * times for name in shape.biased for _, o, times in shape.modules[name])
    return sum(of_modules) + shape.other_biases


def _ways_to_count(shape: Shape, head: HeadName) -> Iterator[tuple[str, int]]:
    """Yields how else a model's parameters are counted, and how many more these are."""
    embeddings = shape.body["embeddings"]
    if shape.is_tied and head in ("causal", "masked", "pretraining"):
        yield "with its tied embeddings counted twice", embeddings
    yield "without its embeddings", -embeddings
    around = {name: size for name, size in shape.body.items() if "embeddings" in name and size}
    if len(around) > 1:
        yield "without its embeddings of every kind", -sum(around.values())
    if head == "causal" and not shape.is_tied:
        yield "without its embeddings and output matrix", -2 * embeddings
    yield from shape.beside.items()
    rows = 2 if head == "causal" and not shape.is_tied else 1
    for tokens in range(1, _MORE_TOKENS + 1):
        yield f"with {tokens} more tokens in its vocabulary", tokens * shape.hidden * rows
