"""Which memory a run fits into, and the recipe that would where it does not: smaller parts, then another method."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finetune import estimate
from finetune.estimate import Work
from finetune.heads import Head
from finetune.recipe import Method, Recipe
from finetune.sizes import Sizes
from harness_tasks.errors import UserError

GIGABYTES = (16, 24, 40, 80)
"""The memory of common accelerators, in 10^9 bytes."""
USABLE = 0.9
"""Share of it that the estimate may take: the rest is the driver's, and what the allocator cannot use."""
SMALLER: dict[Method, tuple[Method, ...]] = {
    "full": ("lora", "qlora"),
    "dora": ("lora", "qlora"),
    "lora": ("qlora",),
    "qlora": (),
    "head": (),
}
"""The methods that take less memory than each, the nearest first."""


@dataclass(frozen=True)
class Fit:
    """The first of a run's variants that fits into a memory: its method, parts a step and bytes; None: none does."""

    gigabytes: int
    method: Method | None
    gradient_accumulation_steps: int | None
    memory_bytes: int | None


def fits(
    work: Work,
    config: Any,
    sizes: Sizes,
    recipe: Recipe,
    *,
    method: Method,
    head: Head,
    labels: int,
    dtype: str,
    gigabytes: Sequence[int] = GIGABYTES,
) -> tuple[Fit, ...]:
    """Returns, for each memory of a GPU, the first variant of the run that fits into it.

    The run as it is comes first, then more parts a step, which changes nothing of the result but rounding, then the
    methods that take less, with fewest parts first.
    """
    variants = [
        (own, parts, size)
        for own in (method, *SMALLER[method])
        for parts, size in _memory(work, config, sizes, recipe, method=own, head=head, labels=labels, dtype=dtype)
    ]

    def first(memory: int) -> Fit:
        fitting = (variant for variant in variants if variant[2] <= USABLE * memory * 1e9)
        return Fit(memory, *next(fitting, (None, None, None)))

    return tuple(map(first, gigabytes))


def shown_fits(found: Sequence[Fit], *, method: Method, parts: int) -> str:
    """Returns the fits as text, given the run's own method and parts a step.

    >>> shown_fits([Fit(16, "qlora", 4, 9), Fit(24, "lora", 2, 9), Fit(40, "lora", 1, 9)], method="lora", parts=1)
    '16 GB: with qlora, gradient_accumulation_steps 4; 24 GB: with gradient_accumulation_steps 2; 40 GB: as it is'
    """

    def words(fit: Fit) -> str:
        if fit.method is None:
            return "nothing fits"
        changes: list[str] = [fit.method] if fit.method != method else []
        changes += [f"gradient_accumulation_steps {fit.gradient_accumulation_steps}"] * (
            fit.gradient_accumulation_steps != parts
        )
        return f"with {', '.join(changes)}" if changes else "as it is"

    return "; ".join(f"{fit.gigabytes} GB: {words(fit)}" for fit in found)


def _memory(
    work: Work, config: Any, sizes: Sizes, recipe: Recipe, *, method: Method, head: Head, labels: int, dtype: str
) -> list[tuple[int, int]]:
    """Returns each number of parts a step, and the bytes that a step takes then; none where the method cannot be."""
    try:
        ledger = estimate.parameters(config, recipe, method=method, head=head, labels=labels)
    except UserError:
        return []
    last = recipe.lora_last_layers
    return [
        (
            parts,
            estimate.training(
                work.in_parts(parts), ledger, sizes, method=method, dtype=dtype, device="cuda", last_layers=last
            ).memory_bytes,
        )
        for parts in sorted(work.passes)
    ]
