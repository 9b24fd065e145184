"""Every value that shapes a training run, with its unit, its default and why."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Method = Literal["lora", "dora", "qlora", "full", "head"]
ADAPTER_METHODS: tuple[Method, ...] = ("lora", "dora", "qlora")
"""The methods whose checkpoint is an adapter: matrices beside a base model that stays as it is."""
LEARNING_RATES: dict[Method, float] = {"lora": 5e-4, "dora": 5e-4, "qlora": 2e-4, "full": 2e-5, "head": 1e-3}
"""Peak learning rates where a recipe names none: an adapter wants ten times that of full fine-tuning or more."""

IDENTICAL, NOTHING = "identical", "none"
"""The values of `exclude_overlap` that name no task."""
LORA_LINEAR_LAYERS = "all-linear"
"""peft's name for every linear layer but the head."""


def module_names(lora_targets: str) -> list[str] | None:
    """Returns the modules that a recipe's `lora_targets` names; None for all linear layers."""
    return None if lora_targets == LORA_LINEAR_LAYERS else [name.strip() for name in lora_targets.split(",")]


class Recipe(BaseModel):
    """The values of one training run, as the study file's `recipe` and the options of `aftertune train` name them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    """Number of epochs; may be a fraction."""
    batch_size: Annotated[int, Field(ge=1, lt=2**31)] = 16
    """Rows per optimiser step, over all processes. Rows that share a passage stay together, so a step may hold a few
    more or fewer."""
    gradient_accumulation_steps: Annotated[int, Field(ge=1, lt=2**31)] = 1
    """Parts that a step's rows are split into, to save memory. Changes the result only by rounding."""
    learning_rate: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Peak learning rate; unset: 5e-4 for LoRA and DoRA, 2e-4 for QLoRA, 2e-5 for full fine-tuning, 1e-3 for a head."""
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the steps over which the learning rate rises from 0."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Learning rate schedule after the warm-up."""
    weight_decay: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0
    """Decoupled weight decay of AdamW."""
    max_grad_norm: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Gradients are clipped to this norm."""
    lora_r: Annotated[int, Field(ge=1, lt=2**31)] = 16
    """Rank of the LoRA matrices."""
    lora_alpha: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    """LoRA's scale is `lora_alpha` / `lora_r`; unset: twice the rank."""
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout before the LoRA matrices; 0 suits single-epoch runs."""
    lora_targets: str = LORA_LINEAR_LAYERS
    """Modules that get LoRA matrices: `all-linear` (all linear layers but the head) or names joined by commas, such as
    `q_proj,v_proj`."""
    lora_last_layers: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    """LoRA in the last N layers only, which saves the layers below their backward pass; unset: in all layers."""
    max_length: Annotated[int, Field(ge=8, lt=2**31)] = 2048
    """Longest training row in tokens. Nothing is cut silently: a longer row stops the run before it starts."""
    dev_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training rows, by whole clusters, held out as the development split; the checkpoint with the lowest
    loss on it is kept."""
    eval_steps: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    """Steps between two evaluations on the development split; unset: one at the end of each epoch."""
    patience: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    """Early stopping: evaluations in a row without a lower development loss; unset: none."""
    save_steps: Annotated[int, Field(ge=1, lt=2**31)] = 25
    """Steps between two checkpoints of the trainer, from which an interrupted run resumes. Does not change the
    result."""

    @property
    def named_targets(self) -> list[str] | None:
        """The modules that `lora_targets` names; None for all linear layers."""
        return module_names(self.lora_targets)

    def last_layers(self, total: int) -> list[int] | None:
        """Returns the indices of the layers that get LoRA, of ``total``; None for all."""
        if self.lora_last_layers is None:
            return None
        return list(range(max(0, total - self.lora_last_layers), total))

    def resolved(self, method: Method) -> "Recipe":
        """Returns the recipe with the values that depend on the method filled in."""
        rate = self.learning_rate if self.learning_rate is not None else LEARNING_RATES[method]
        alpha = self.lora_alpha if self.lora_alpha is not None else 2 * self.lora_r
        return self.model_copy(update={"learning_rate": rate, "lora_alpha": alpha})
