"""An adapter's weights added into its base model's."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune.checks import MERGED_TOLERANCE, RELOAD_TOLERANCE
from finetune.kinds import FINETUNE
from harness_tasks.errors import UserError
from harness_tasks.files import sha256_file, usual_modes, write_json
from harness_tasks.guards import enforce
from harness_tasks.guards.adapter_base import adapter_base
from harness_tasks.kinds import MERGED
from harness_tasks.messages import reason_of
from harness_tasks.models.files import GENERATION, refusals
from harness_tasks.reading import Kind, read_json
from harness_tasks.weights import check_own_weights

MERGED_FROM = "merged_from.json"
"""Beside a merged model: the adapter's own record, the base's hash, the SHA-256 of the adapter's weights."""
TRIED_TOKENS = 24
"""Tokens of a text on which the merged model is compared."""
SHARE_OF_EFFECT = 0.05
"""The largest share of what an adapter changes by which the merged model may differ from it."""


def merge(adapter: Path, *, output: Path, base: str | None = None, allowed: Sequence[str] = ()) -> Path:
    """Returns ``output`` after writing the base model's weights with the adapter's added, and the tokenizer.

    Weights are added in float32, whatever dtype the base is kept in, and saved in the base's own dtype. Before it is
    moved into place, what is written is loaded again with plain calls of transformers, and must have the logits of the
    adapter on its base. A head that the adapter parts from the embeddings is saved as a matrix of its own.
    ``allowed`` guards of scoring that fail are said, and recorded.

    Raises:
        UserError: ``adapter`` holds no adapter that can be merged, ``output`` is not empty, the base cannot be found,
            is quantised, or already holds this adapter; or the merged model is another than the adapter on its base.
        GuardError: the base is another than the adapter was trained on (guard `adapter-base`).
    """
    if output.exists() and any(output.iterdir()):
        raise UserError(
            f"the output folder {output} is not empty", "the merged model would be mixed with it", "name a new folder"
        )
    check_own_weights(adapter)
    model, provenance = _merged(adapter, base, allowed)
    from transformers import GenerationConfig

    from finetune.models import base_dtype, base_of, load_tokenizer, to_dtype

    dtype = base_dtype(adapter, base=base)
    to_dtype(model, dtype)
    model.config.dtype = dtype
    if (adapter / "generation_config.json").is_file():
        with refusals(lambda error: _no_generation(adapter, error)):
            model.generation_config = GenerationConfig.from_pretrained(adapter)
        model.config.eos_token_id = model.generation_config.eos_token_id
        model.config.pad_token_id = model.generation_config.pad_token_id
    path, revision, _ = base_of(adapter, base)
    has_tokenizer = any((adapter / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json"))
    place, revision = (str(adapter), None) if has_tokenizer else (path, revision)
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        model.save_pretrained(partial)
        load_tokenizer(place, revision).save_pretrained(partial)
        write_json(partial / MERGED_FROM, provenance)
        usual_modes(partial)
        _check_saved(partial, model)
        if output.exists():
            output.rmdir()
        output.parent.mkdir(parents=True, exist_ok=True)
        partial.rename(output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return output


def merged_model(adapter: Path, *, base: str | None = None) -> Any:
    """Returns the base model with the adapter's weights added, in float32; raises as `merge` does."""
    return _merged(adapter, base)[0]


def _merged(adapter: Path, base: str | None, allowed: Sequence[str] = ()) -> tuple[Any, dict[str, Any]]:
    """Returns the merged model in float32, whose logits are those of the adapter on its base, and its provenance."""
    from finetune.foreign import check_adapter, fit_vocabulary, put_on, refuse_packed
    from finetune.models import base_config, base_of

    check_adapter(adapter)
    path, revision, _ = base_of(adapter, base)
    refuse_packed(path, base_config(path, revision))
    provenance = _provenance(adapter, path, revision, allowed)
    model = _base(adapter, base)
    fit_vocabulary(model, adapter)
    with refusals(lambda error: _not_run(adapter, path, error)):
        plain = _logits(model)
        adapted = put_on(model, adapter)
        expected = _logits(adapted)
    if not bool(expected.isfinite().all()):
        raise UserError(
            f"the adapter {adapter} on its base gives logits that are not finite",
            "such a model gives no answers",
            "train it again with a lower learning rate, or in float32",
        )
    tied = bool(getattr(adapted.config.get_text_config(), "tie_word_embeddings", False))
    largest, moved = float(expected.abs().max()), float((expected - plain).abs().max())
    del model, adapted
    # far below what the adapter does, where that is little, and above what rounding does
    near = max(1.0, largest) * RELOAD_TOLERANCE
    tolerance = min(max(1.0, largest) * MERGED_TOLERANCE, max(moved * SHARE_OF_EFFECT, near / 10))
    differences = []
    # On a tied head peft adds to the one matrix what was meant for one of its two uses.
    for untied in (False, True) if tied else (False,):
        model = put_on(_base(adapter, base), adapter)
        if untied and not _untie(model.get_base_model()):
            continue
        with refusals(lambda error: _not_merged(adapter, path, error)):
            model = model.merge_and_unload()
        differences.append(_largest_difference(_logits(model.eval()), expected))
        if differences[-1] <= tolerance:
            return model, provenance
    raise UserError(
        f"the merged model's logits differ from those of the adapter {adapter} on its base by {min(differences):.3g}, "
        f"in logits of up to {largest:.3g}",
        "what would be written is another model than the one that was trained",
        f"score the adapter on its base: --model_args pretrained={path},peft={adapter}",
    )


def _base(adapter: Path, base: str | None) -> Any:
    """Returns the adapter's base in float32, which for QLoRA's is what its packed weights stand for."""
    import torch

    from finetune.models import load_base

    return load_base(adapter, dtype=torch.float32, base=base, unpacked=True)


def _untie(model: Any) -> bool:
    """Returns whether the head of ``model``, within peft's, now is a matrix of its own; there may be none to part."""
    from torch import nn

    def inner(module: Any) -> Any:
        return getattr(module, "base_layer", None) or getattr(module, "original_module", None) or module

    head, embeddings = inner(model.get_output_embeddings()), inner(model.get_input_embeddings())
    if head is None or head.weight is not embeddings.weight:
        return False
    head.weight = nn.Parameter(head.weight.detach().clone())
    model.config.get_text_config().tie_word_embeddings = model.config.tie_word_embeddings = False
    return True


def _check_saved(folder: Path, model: Any) -> None:
    """Raises `UserError` where the files in ``folder`` are not ``model``, whose weights were rounded as they are."""
    import torch

    from finetune.models import load_checkpoint, to_dtype

    to_dtype(model, torch.float32)
    expected = _logits(model)
    found = _logits(load_checkpoint(folder, dtype=torch.float32))
    largest, difference = float(expected.abs().max()), _largest_difference(found, expected)
    if not difference <= RELOAD_TOLERANCE * max(1.0, largest):
        raise UserError(
            f"the merged model, loaded again, has logits that differ by {difference:.3g}, of up to {largest:.3g}",
            "what others would load is not the model that was merged",
            "score the adapter on its base, and report it with adapter_config.json and the base's config.json",
        )


def _not_run(adapter: Path, base: str, error: Exception) -> UserError:
    return UserError(
        f"the adapter {adapter} cannot be run on {base} ({reason_of(error)})",
        "the merged model must give the same logits, and there are none",
        "look at the adapter's adapter_config.json and the base's config.json, or save both again",
    )


def _not_merged(adapter: Path, base: str, error: Exception) -> UserError:
    return UserError(
        f"peft cannot merge the adapter {adapter} ({reason_of(error)})",
        "there are no weights to write",
        f"score it on its base: --model_args pretrained={base},peft={adapter}",
    )


def _no_generation(adapter: Path, error: Exception) -> UserError:
    return UserError(
        f"{adapter / 'generation_config.json'} is none that transformers takes ({reason_of(error)})",
        GENERATION.why,
        "take it away: the base's own then holds",
    )


def _largest_difference(found: Any, expected: Any) -> float:
    return float((found - expected).abs().max()) if found.shape == expected.shape else float("inf")


def _logits(model: Any) -> Any:
    """Returns the float32 logits of texts of no meaning, in which the last ids of the vocabulary, added ones, stand."""
    import torch

    rows = int(model.get_input_embeddings().weight.shape[0])
    device = next(model.parameters()).device
    ids = [[(7919 * n + 31 * row) % rows for n in range(TRIED_TOKENS - 8)] for row in range(3)]
    ids = [[*row, *range(max(0, rows - 8), rows)][:TRIED_TOKENS] for row in ids]
    with torch.no_grad():
        found = [model(input_ids=torch.tensor([row], device=device), use_cache=False) for row in ids]
    parts = [torch.stack([o.start_logits, o.end_logits], -1) if "start_logits" in o else o.logits for o in found]
    return torch.cat([part.float().cpu() for part in parts])


def _provenance(adapter: Path, base: str, revision: str | None, allowed: Sequence[str]) -> dict[str, Any]:
    """Returns what `merged_from.json` holds; raises for a base that the adapter does not belong on."""
    from finetune.models import base_config
    from finetune.record import base_record

    digest = sha256_file(adapter / "adapter_model.safetensors")
    before = _json(Path(base) / MERGED_FROM, MERGED)
    if before.get("adapter_sha256") == digest:
        raise UserError(
            f"the base {base} already holds this adapter's weights ({MERGED_FROM})",
            "merged twice, what training changed would count double",
            "name the base model that the adapter was trained on, or use the merged one as it is",
        )
    failed = enforce([adapter_base({"pretrained": base, "revision": revision, "peft": str(adapter)})], allowed)
    if not Path(base).is_dir():
        base_config(base, revision)  # its commit is known once it was loaded
    return {
        "adapter": _json(adapter / "finetune.json", FINETUNE),
        "base_fingerprint": base_record(base, revision)["fingerprint"],
        "adapter_sha256": digest,
        **({"allowed": failed} if failed else {}),
    }


def _json(path: Path, kind: Kind) -> dict[str, Any]:
    """Returns what the file holds; nothing where there is none."""
    return dict(read_json(path, kind)) if path.exists() else {}
