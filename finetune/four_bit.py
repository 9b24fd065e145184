"""QLoRA's 4-bit base: whether bitsandbytes can compute with one on a device, and how it is packed."""

import importlib.util
from typing import Any

from harness_tasks.errors import UserError
from harness_tasks.messages import first_line

INSTALL = "pip install bitsandbytes"


def check_four_bit(device: str) -> None:
    """Returns nothing where bitsandbytes packs and multiplies 4-bit weights on ``device``, which a probe finds out.

    Raises:
        UserError: bitsandbytes is not installed, cannot be imported, or has no kernels for the device.
    """
    why = "QLoRA keeps the base model's weights in 4 bits, and bitsandbytes is what packs them and computes with them"
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(
            "--method qlora, and bitsandbytes is not installed",
            why,
            f"run `{INSTALL}`, or take --method lora, which needs the memory of the base in 16 or 32 bits",
        )
    import torch

    try:
        import bitsandbytes

        packed, state = bitsandbytes.functional.quantize_4bit(torch.eye(64, device=device), quant_type="nf4")
        product = bitsandbytes.matmul_4bit(torch.ones(1, 64, device=device), packed.t(), state)
        whole = bool(torch.isfinite(product).all())
    except Exception as error:  # a library for another driver or device fails in many ways
        raise UserError(
            f"--method qlora, and bitsandbytes {_version()} cannot compute in 4 bits on {device} ({first_line(error)})",
            why,
            f"run `{INSTALL} --upgrade`, choose another --device, or take --method lora",
        ) from None
    if not whole:
        raise UserError(
            f"--method qlora, and bitsandbytes {_version()} gives numbers on {device} that are not finite",
            why,
            f"run `{INSTALL} --upgrade`, choose another --device, or take --method lora",
        )


def four_bit_config(dtype: Any, *, keep: list[str]) -> Any:
    """Returns how the base is packed: NF4 with packed scales, multiplied in ``dtype``, as in the paper on QLoRA.

    The modules named in ``keep`` stay as they are: heads, since transformers would pack a span reader's.

    Source: Dettmers et al. 2023, https://arxiv.org/abs/2305.14314
    """
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        llm_int8_skip_modules=keep,
    )


def keep_layout(model: Any) -> None:
    """Keeps packed weights as they are when the model is evaluated on a CPU.

    With AVX512-BF16 bitsandbytes would else pack them anew in another layout, in place and in coarser scales: an
    evaluation would change the base under the adapter, and training could not continue with it.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("bitsandbytes")
    except PackageNotFoundError:
        return "of an unknown version"
