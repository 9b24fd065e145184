"""What training takes, by arithmetic: parameters, floating-point operations, memory, time, disk. No weight is loaded.

Operations count two a weight and token forwards (a multiplication and an addition), as many again for the gradients of
what flows back, and as many again for those of trained weights. The embeddings are looked up, not multiplied; the
vocabulary's logits are computed only where something is learnt. Time is operations over the speed of a matrix product.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from finetune.heads import Head
from finetune.ledger import Ledger, count
from finetune.recipe import ADAPTER_METHODS, Method, Recipe
from finetune.sizes import Sizes, layer_count

EFFICIENCY = {"float32": 0.65, "bfloat16": 0.48}
"""Share of a matrix product's speed that whole steps reach. Measured on a processor core: 0.68 for LoRA in float32; in
bfloat16 0.47 for LoRA, 0.34 for DoRA, 0.55 for full fine-tuning."""
RENDER_ROW_S, RENDER_TOKEN_S, GUARD_ROW_S = 0.95e-3, 5.3e-6, 1e-4
"""Seconds to render a row, for each token of it, and to let the guards look at it. Measured on a processor core: 58 s
for SST-2's 53,766 rows of 24 tokens, 24 s for SQuAD's 11,877 of 203; 2 to 3 s for the guards."""
PROBE_S = 0.2
"""Seconds for which the machine is asked for its speed."""
BYTES = {"float32": 4, "bfloat16": 2}
PROCESS_BYTES = 600_000_000
"""What Python with torch and transformers takes before any weight."""
TRAINED_BYTES = 16
"""A trained parameter in float32 with its gradient and AdamW's two moments."""
FOUR_BIT_BYTES = 0.55
"""A weight in four bits, with its share of the scales."""
OPTIMIZER_BYTES = 8
"""AdamW's two moments of a trained parameter, as a trainer's checkpoint holds them."""
KEPT_CHECKPOINTS = 4
"""The trainer's checkpoints on disk at most: two and the best stay, and the oldest goes after the newest is written."""


@dataclass(frozen=True)
class Work:
    """What goes through the model in a whole run, and in the largest forward pass of it.

    ``tokens``: in all sequences, padding left out. ``supervised``: the items with a loss. ``row_tokens``: the mean
    length of a sequence. ``pass_tokens``: tokens of the largest pass, padding among them. ``pass_logits``: positions
    of it whose vocabulary logits are computed. ``passes``: these two by the number of parts of a step, as
    ``gradient_accumulation_steps`` would have it, from the recipe's own number on.
    """

    tokens: int
    supervised: int
    steps: int
    row_tokens: float
    pass_tokens: int
    pass_logits: int
    passes: dict[int, tuple[int, int]] = field(default_factory=dict)

    def in_parts(self, parts: int) -> "Work":
        """Returns the same work with each step in so many parts; ``parts`` is one of ``passes``."""
        tokens, logits = self.passes[parts]
        return replace(self, pass_tokens=tokens, pass_logits=logits)


@dataclass(frozen=True)
class CostEstimate:
    """What a run takes. ``seconds`` are None where no speed was given."""

    operations: int
    memory_bytes: int
    seconds: float | None


def training(
    work: Work,
    ledger: Ledger,
    sizes: Sizes,
    *,
    method: Method,
    dtype: str,
    device: str,
    lora_r: int = 16,
    last_layers: int | None = None,
    speed: float | None = None,
) -> CostEstimate:
    """Returns what training takes.

    Args:
        ledger: the parameter counts of the trained model, as `ledger.count` gives it for its head and method.
        sizes: of the same model, as `sizes_of` reads them.
        last_layers: the layers that an adapter is put on, from the end; None: all.
        speed: operations a second, such as `operations_a_second` measures.
    """
    operations = _operations(work, ledger, sizes, method=method, lora_r=lora_r, last_layers=last_layers)
    memory = _memory(work, ledger, sizes, method=method, dtype=dtype, device=device, last_layers=last_layers)
    return CostEstimate(operations, memory, operations / speed if speed else None)


def operations_a_second(dtype: str, device: str) -> float:
    """Returns the operations a second that whole steps reach here, from the shortest of many matrix products."""
    import torch

    size = 2048 if device.startswith("cuda") else 768
    matrix = torch.ones(size, size, dtype=getattr(torch, dtype), device=device)
    best = float("inf")
    began = time.perf_counter()
    while time.perf_counter() - began < PROBE_S:  # threads take some products until they all run
        started = time.perf_counter()
        (matrix @ matrix).sum().item()
        best = min(best, time.perf_counter() - started)
    return EFFICIENCY[dtype] * 2 * size**3 / best


def parameters(
    config: Any, recipe: Recipe, *, method: Method, head: Head, labels: int, name: str | None = None
) -> Ledger:
    """Returns the parameter counts of the model that a recipe trains; raises `UserError` as `ledger.count` does."""
    if method not in ADAPTER_METHODS:
        return count(config, head=head, labels=labels or 2, method=method, name=name)
    return count(
        config,
        head=head,
        labels=labels or 2,
        lora_r=recipe.lora_r,
        lora_targets=recipe.named_targets,
        lora_layers=recipe.last_layers(layer_count(config, head)),
        method=method,
        name=name,
    )


def work(prepared: Any) -> Work:
    """Returns what a prepared run puts through the model, from its very groups and steps."""
    from finetune.batches import StepSampler, group_rows, groups_a_step

    run, formulation = prepared.run, prepared.formulation
    recipe, rows = run.recipe, prepared.rows
    groups = group_rows(rows, most=recipe.batch_size, share_prefixes=formulation.SHARES_PREFIXES)
    step_groups = groups_a_step(groups, recipe.batch_size)
    lengths = [group.length for group in groups]

    def largest_pass(parts: int) -> tuple[int, int]:
        sampler = StepSampler(lengths, step_groups=step_groups, seed=run.seed, parts=parts)
        passes = [numbers for numbers in sampler if numbers]
        largest = max(passes, key=lambda numbers: len(numbers) * max(lengths[i] for i in numbers))
        batch = formulation.collate([groups[i] for i in largest], pad_id=prepared.pad_id)
        kept = len(batch["logits_to_keep"]) if "logits_to_keep" in batch else 0
        return len(largest) * max(lengths[i] for i in largest), len(largest) * kept

    passes = {parts: largest_pass(parts) for parts in part_numbers(recipe, step_groups)}
    pass_tokens, pass_logits = passes[recipe.gradient_accumulation_steps]
    steps = max(1, -(-len(groups) // step_groups))
    supervised = sum(row.items for row in rows)
    return Work(
        tokens=round(sum(lengths) * recipe.epochs),
        supervised=round(supervised * recipe.epochs),
        steps=max(1, math.ceil(steps * recipe.epochs)),
        row_tokens=sum(lengths) / len(lengths),
        pass_tokens=pass_tokens,
        pass_logits=pass_logits,
        passes=passes,
    )


def declared_work(size: Mapping[str, float], recipe: Recipe, *, head: Head, train_rows: int | None = None) -> Work:
    """Returns what a run puts through the model by what its task declares (`metadata: size:`), rows unseen.

    The largest pass is estimated as if all of its sequences were as long as the longest.
    """
    rows = int(min(size["train"], train_rows or size["train"]))
    rows_of_a_sequence = size["sequence_rows"] if head == "causal" else 1
    row_tokens = size["row_tokens"] if head == "causal" else size["prompt_tokens"]
    longest = size["longest_tokens"] if head == "causal" else size["longest_tokens"] - size["new_tokens"]
    items = size["new_tokens"] if head == "causal" else 1
    step_sequences = max(1, round(recipe.batch_size / rows_of_a_sequence))

    def largest_pass(parts: int) -> tuple[int, int]:
        sequences = -(-step_sequences // parts)
        kept = min(longest, sequences * rows_of_a_sequence * items) if head == "causal" else 0
        return round(sequences * longest), round(sequences * kept)

    passes = {parts: largest_pass(parts) for parts in part_numbers(recipe, step_sequences)}
    pass_tokens, pass_logits = passes[recipe.gradient_accumulation_steps]
    return Work(
        tokens=round(rows * row_tokens * recipe.epochs),
        supervised=round(rows * items * recipe.epochs),
        steps=max(1, math.ceil(rows / recipe.batch_size * recipe.epochs)),
        row_tokens=row_tokens * rows_of_a_sequence,
        pass_tokens=pass_tokens,
        pass_logits=pass_logits,
        passes=passes,
    )


def part_numbers(recipe: Recipe, step_sequences: int) -> list[int]:
    """Returns the recipe's own number of parts of a step, and its doubles as long as a part has a sequence.

    >>> part_numbers(Recipe(gradient_accumulation_steps=2), 12)
    [2, 4, 8]
    """
    own = recipe.gradient_accumulation_steps
    return [own, *(own * 2**n for n in range(1, 12) if own * 2**n <= step_sequences)]


def preparation_seconds(rows: int, row_tokens: float) -> float:
    """Returns the seconds until so many rows of so many tokens are rendered, and the guards have looked at them."""
    return rows * (RENDER_ROW_S + RENDER_TOKEN_S * row_tokens + GUARD_ROW_S)


def disk_bytes(ledger: Ledger, method: Method) -> tuple[int, int]:
    """Returns what the finished checkpoint takes on disk, and what the trainer's take at most while it runs."""
    saved = ledger.trainable if method in ADAPTER_METHODS else ledger.total
    weights = saved * BYTES["float32"]
    return weights, KEPT_CHECKPOINTS * (weights + ledger.trainable * OPTIMIZER_BYTES)


def shown_time(seconds: float) -> str:
    """Returns a duration in the unit that suits it.

    >>> shown_time(45), shown_time(600), shown_time(9000)
    ('45 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def gigabytes(size_bytes: float | None, decimals: int = 2) -> str:
    """Returns a number of bytes in GB (10^9); a dash where it is not known.

    >>> gigabytes(1_234_567_890), gigabytes(2.5e12, 1), gigabytes(None)
    ('1.23 GB', '2,500.0 GB', '–')
    """
    return "–" if size_bytes is None else f"{size_bytes / 1e9:,.{decimals}f} GB"


def _operations(
    work: Work, ledger: Ledger, sizes: Sizes, *, method: Method, lora_r: int, last_layers: int | None
) -> int:
    counted = {line.component: line.counted for line in ledger.components}
    body = counted["attention"] + counted["MLP"] + counted.get("other", 0) - sizes.idle
    head = sizes.vocabulary * sizes.hidden if ledger.head == "causal" else counted["head"]
    scores = 2 * sizes.layers * sizes.hidden * work.row_tokens  # each token against each, and back
    layers = 2 * (body + scores) * work.tokens
    logits = 2 * head * work.supervised
    if method == "full":
        return round(3 * (layers + logits))
    if method == "head":
        return round(layers + 3 * logits)
    back = _adapted_layers(sizes, last_layers) / sizes.layers
    adapter = 3 * 2 * counted["adapter"] * work.tokens
    # DoRA takes the norm of each adapted matrix anew at every step, and multiplies its two factors out for it.
    norms = work.steps * 2 * lora_r * body * back if method == "dora" else 0
    return round((1 + back) * layers + (1 + bool(back)) * logits + adapter + norms)


def _memory(
    work: Work, ledger: Ledger, sizes: Sizes, *, method: Method, dtype: str, device: str, last_layers: int | None
) -> int:
    """Returns the larger of what loading and what the largest pass takes, in bytes.

    On the embedded base within a tenth of what a step on the largest pass really took: LoRA in both dtypes, on short
    and on long rows, in all and in half of the layers; DoRA, full and head.
    """
    counted = {line.component: line.counted for line in ledger.components}
    frozen, trained, single = ledger.total - ledger.trainable, ledger.trainable, BYTES["float32"]
    process = 0 if device.startswith("cuda") else PROCESS_BYTES
    weights = float(trained * TRAINED_BYTES + frozen * BYTES[dtype])
    if method == "qlora":
        body = counted["attention"] + counted["MLP"]
        weights = trained * TRAINED_BYTES + body * FOUR_BIT_BYTES + (frozen - body) * BYTES[dtype]
    if method == "full" and dtype == "bfloat16":
        weights += trained * BYTES[dtype]  # autocast's copies
    if method in ("full", "head") and device == "cpu":
        weights += trained * single  # the copies that `tensors.json` is computed from
    # Kept for the way back: the inputs of a layer's matrix products and of what stands between them.
    hidden, inner = sizes.hidden, sizes.inner
    layer_bytes = (16 * hidden + 8 * inner) * BYTES[dtype]
    if method in ADAPTER_METHODS:
        layer_bytes += (6 * hidden + inner) * single  # the inputs of the adapter's matrices
    if method == "dora":
        layer_bytes += 3 * (4 * hidden + 2 * inner) * single  # both of its products, scaled by the magnitude
    layers = _adapted_layers(sizes, last_layers) if method != "head" else 1
    logits = work.pass_logits * sizes.vocabulary * (BYTES[dtype] + 2 * single)  # in float32 too, and a gradient
    stored = BYTES.get(sizes.stored or "", single)
    kept = single if method == "full" else BYTES[dtype]
    loading = ledger.total * (kept + stored if kept != stored else kept)
    return round(process + max(loading, weights + work.pass_tokens * layers * layer_bytes + logits))


def _adapted_layers(sizes: Sizes, last: int | None) -> int:
    return sizes.layers if last is None else min(last, sizes.layers)
