"""What an adapter adds to its base's weights, as `tensors.json` has it, without loading a model.

Axes: O outputs and I inputs of an adapted matrix, R the adapter's rank.

Source: peft's `LoraLayer` and `DoraLayer`, https://github.com/huggingface/peft
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from finetune.elsewhere.names import HEAD, matched, plain_name
from finetune.elsewhere.streaming import compare, loaded, norm_and_sha256, pieces, sha256
from finetune.elsewhere.weight_changes import Tensors, described, dtypes, embeddings_of, row_counts
from harness_tasks.models.weights import StoredTensor

_PREFIX = "base_model.model."
_PARTS = re.compile(
    r"(?P<home>.*)\.(?P<part>lora_A\.weight|lora_B\.weight|lora_A\.bias|lora_B\.bias|lora_embedding_A|lora_embedding_B|"
    r"lora_magnitude_vector(?:\.weight)?|token_adapter\.trainable_tokens_delta)"
)
_OTHER_KINDS = re.compile(r"\.(lora_|hada_|lokr_|ia3_|vera_|oft_|boft_|hra_|randlora_|fourierft|ln_tuning|prompt_)")
_CHANGES_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to initialise LoRA that subtract the first BA from the base, so that what is added is no longer BA alone."""


@dataclass(frozen=True)
class Adapter:
    """An adapter's tensors by what they belong to.

    ``lora``: by the adapted module, each part under its name without `.weight`. ``saved``: tensors of modules that are
    saved whole. ``others``: those of other kinds of adapters.
    """

    lora: dict[str, dict[str, StoredTensor]]
    saved: dict[str, StoredTensor]
    others: dict[str, StoredTensor]


def adapter_of(tensors: Tensors) -> Adapter:
    """Returns an adapter's stored tensors by what they belong to; their names lose peft's own prefixes."""
    lora: dict[str, dict[str, StoredTensor]] = defaultdict(dict)
    saved, others = dict[str, StoredTensor](), dict[str, StoredTensor]()
    for stored, tensor in tensors.items():
        name = stored.removeprefix(_PREFIX)
        if found := _PARTS.fullmatch(name):
            lora[found["home"]][found["part"].removesuffix(".weight").rpartition("token_adapter.")[2]] = tensor
        elif _OTHER_KINDS.search(f".{name}"):
            others[name] = tensor
        else:
            saved[name.replace(".base_layer.", ".").replace(".modules_to_save.", ".")] = tensor
    return Adapter(dict(lora), saved, others)


def adapter_changes(base: Tensors, tuned: Tensors, settings: Mapping[str, Any], *, tied: bool) -> dict[str, Any]:
    """Returns the content of `tensors.json` for an adapter on its ``base``, but for its name.

    The base's own tensors are frozen, but for those that the adapter saves whole. Each adapted matrix W has a second
    row (``adapter``), whose change is what `merge` would add: scaling·BA, scaling being alpha/r, or alpha/√r (rsLoRA);
    for DoRA m·(W + scaling·BA) / ‖W + scaling·BA‖ − W. ``settings``: of `adapter_config.json`.
    """
    adapter = adapter_of(tuned)
    weights = {f"{home}.weight": home for home in adapter.lora}
    known = matched([*weights, *adapter.saved], base)
    saved_of = {known[name] for name in adapter.saved if name in known}
    if tied and (embedded := embeddings_of(base)):  # an adapter on the one use of the matrix
        known |= {name: embedded for name in (*weights, *adapter.saved) if plain_name(name) == HEAD}
    rows, norms, reasons = [], dict[str, float | None](), dict[str, str]()
    for name, tensor in base.items():
        if name in saved_of or (tied and plain_name(name) == HEAD):
            continue
        norms[name], digest = norm_and_sha256(tensor)
        rows.append(_frozen(name, tensor, digest))
    for name, after in adapter.saved.items():
        rows.append(_saved(name, base.get(known.get(name, "")), after))
    for weight, home in weights.items():
        if (before := base.get(known.get(weight, ""))) is None:
            reasons[weight] = "the base has no such tensor"
            continue
        name = weight if plain_name(weight) == HEAD else known[weight]
        norm = norms[known[weight]] if known[weight] in norms else norm_and_sha256(before)[0]
        row, reason = _adapted(name, home, before, norm, adapter.lora[home], settings)
        rows.append(row)
        if reason:
            reasons[name] = reason
    kind = str(settings.get("peft_type") or "its kind")
    for name, tensor in adapter.others.items():
        unknown = {"trained": True, "adapter": True, "sha256_before": None, "sha256_after": sha256(tensor)}
        rows.append({**described(name, tensor.shape), **unknown, "relative_change": None})
        reasons[name] = f"what {kind} changes is not computed"
    return {
        "tensors": rows,
        "identical": not any(row["trained"] for row in rows),
        "only_in_base": [],
        "only_in_checkpoint": sorted(set(adapter.saved) - set(known)),
        "not_computed": reasons,
    }


def scaling(home: str, rank: int, settings: Mapping[str, Any]) -> float:
    """Returns what BA is multiplied with: alpha/r, with ``use_rslora`` alpha/√r; patterns name modules of their own."""
    patterns = settings.get("alpha_pattern") or {}
    # peft's own rule: the first pattern that a module's name ends with
    key = next((key for key in patterns if re.match(rf"(.*\.)?({key})$", home)), None)
    alpha = float(settings.get("lora_alpha", 8) if key is None else patterns[key])
    return alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)


def _frozen(name: str, tensor: StoredTensor, digest: str) -> dict[str, Any]:
    hashes = {"sha256_before": digest, "sha256_after": digest}
    return {**described(name, tensor.shape), "trained": False, **hashes, "relative_change": None}


def _saved(name: str, before: StoredTensor | None, after: StoredTensor) -> dict[str, Any]:
    """Returns the row of a tensor that the adapter saves whole; one that the base lacks has no hash before."""
    row = described(name, after.shape)
    if before is None:
        return {**row, "trained": True, "sha256_before": None, "sha256_after": sha256(after), "relative_change": None}
    found = compare(before, after)
    trained = found.sha256_before != found.sha256_after
    row |= {"trained": trained, "sha256_before": found.sha256_before, "sha256_after": found.sha256_after}
    row["relative_change"] = found.relative_change if trained else None
    return row | row_counts(row["kind"], before, after, found) | dtypes(before, after)


def _adapted(
    name: str,
    home: str,
    before: StoredTensor,
    norm: float | None,
    parts: Mapping[str, StoredTensor],
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], str | None]:
    """Returns the second row of an adapted matrix, and why its change is not known, where it is not."""
    row = {**described(name, before.shape), "adapter": True, "sha256_before": None, "sha256_after": None}
    order = ("lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B", "lora_magnitude_vector")
    digest = sha256(*(parts[part] for part in (*order, *sorted(set(parts) - set(order))) if part in parts))
    row |= {"trained": True, "sha256_after": digest, "relative_change": None}
    if "trainable_tokens_delta" in parts:
        return _some_tokens(row, name, before, norm, parts["trainable_tokens_delta"], settings)
    lora = lora_of(home, parts, settings)
    if isinstance(lora, str):
        return row, lora
    a, b = lora.a, lora.b
    if lora.magnitude is not None:
        change = math.sqrt(sum(float(added.square().sum()) for _, added in added_pieces(before, lora)))
    else:
        change = abs(lora.scale) * max(0.0, float(((b.T @ b) * (a @ a.T)).sum())) ** 0.5  # ‖BA‖² = tr (BᵀB)(AAᵀ)
    if not math.isfinite(change) or norm is None or not math.isfinite(norm):
        return row, "it holds values that are not finite"
    if not change:  # as peft initialises it: it adds nothing
        row |= {"trained": False, "sha256_before": row["sha256_after"]}
    elif norm:
        row["relative_change"] = change / norm
    if "lora_embedding_A" in parts:
        row |= {"rows": int(a.shape[1]), "rows_moved": int(((b @ a).abs().sum(dim=0) > 0).sum())}
    return row, None


@dataclass(frozen=True)
class Lora:
    """What is added to one matrix W (O, I): scaling·BA, for DoRA with the ``magnitude`` (O) of each output.

    A is (R, I) and B (O, R), in float64. ``transposed``: W lies as (I, O), so that an output is a column; an embedding
    matrix (tokens, width) is such a one, with A (R, tokens) and B (width, R).
    """

    a: Any
    b: Any
    scale: float
    magnitude: Any
    transposed: bool


def lora_of(home: str, parts: Mapping[str, StoredTensor], settings: Mapping[str, Any]) -> Lora | str:
    """Returns what the adapter adds to the module ``home``; as a text why that is not computed, where it is not."""
    initial = str(settings.get("init_lora_weights", "")).lower()
    if initial.startswith(_CHANGES_THE_BASE):
        return f"with init_lora_weights={initial} peft changes the base too"
    pair = _pair(parts)
    if pair is None:
        return "the adapter lacks one of its two matrices"
    a, b = (loaded(tensor) for tensor in pair)
    if a.dim() != 2 or b.dim() != 2:
        return "a convolution's change is not computed"
    magnitude = parts.get("lora_magnitude_vector")
    return Lora(
        a,
        b,
        scale=scaling(home, int(a.shape[0]), settings),
        magnitude=None if magnitude is None else loaded(magnitude).flatten(),
        transposed="lora_embedding_A" in parts or bool(settings.get("fan_in_fan_out")),
    )


def _pair(parts: Mapping[str, StoredTensor]) -> tuple[StoredTensor, StoredTensor] | None:
    """Returns A (R, I) and B (O, R); of embeddings A (R, tokens) and B (width, R). None where one is missing."""
    for first, second in (("lora_A", "lora_B"), ("lora_embedding_A", "lora_embedding_B")):
        if first in parts and second in parts:
            return parts[first], parts[second]
    return None


def added_pieces(before: StoredTensor, lora: Lora) -> Iterator[tuple[Any, Any]]:
    """Yields W and what the adapter adds to it, both in float64, some rows of W at a time.

    Of DoRA that is m·(W + scaling·BA) / ‖W + scaling·BA‖ − W, the norm being that of each output; where an output is a
    column, W is read twice, for the norms first.
    """
    import torch

    width, factor = math.prod(before.shape[1:]), None

    def with_ba() -> Iterator[tuple[Any, Any, slice]]:
        row = 0
        for piece in pieces(before, width, None):
            old = piece.double().view(-1, width)
            part = slice(row, row + len(old))
            yield old, lora.scale * ((lora.b @ lora.a[:, part]).T if lora.transposed else lora.b[part] @ lora.a), part
            row += len(old)

    if lora.magnitude is not None and lora.transposed:
        squares = torch.zeros(width, dtype=torch.float64)
        for old, added, _ in with_ba():
            squares += (old + added).square().sum(dim=0)
        factor = lora.magnitude / squares.sqrt()
    for old, added, part in with_ba():
        if lora.magnitude is not None:
            new = old + added
            by = factor if factor is not None else (lora.magnitude[part] / new.norm(dim=1)).unsqueeze(1)
            added = new * by - old
        yield old, added


def _some_tokens(
    row: dict[str, Any],
    name: str,
    before: StoredTensor,
    norm: float | None,
    replaced: StoredTensor,
    settings: Mapping[str, Any],
) -> tuple[dict[str, Any], str | None]:
    """Returns the row of embeddings of which single rows were trained: the adapter holds these rows as they are now."""
    indices = settings.get("trainable_token_indices")
    if isinstance(indices, dict):
        indices = next((value for key, value in indices.items() if f".{key}." in f".{name}"), None)
    new = loaded(replaced)
    if not isinstance(indices, list) or len(indices) != len(new) or new.dim() != 2 or before.shape[1:] != new.shape[1:]:
        return row, "its adapter_config.json does not say which rows it replaces"
    if not all(type(index) is int and 0 <= index < before.shape[0] for index in indices):
        return row, "it replaces rows that the base does not have"
    size = (before.end - before.start) // before.shape[0]
    starts = [before.start + index * size for index in indices]
    old = [loaded(before._replace(start=start, end=start + size, shape=tuple(new.shape[1:]))) for start in starts]
    differences = [float((after - earlier).norm()) for after, earlier in zip(new, old, strict=True)]
    change = math.hypot(*differences)
    row |= {"rows": before.shape[0], "rows_moved": sum(d > 0 for d in differences)}
    if norm and math.isfinite(change / norm):
        row["relative_change"] = change / norm
    return row, None
