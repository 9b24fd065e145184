"""The one rule on files with weights: safetensors, for everything that is scored, planned, trained on or merged."""

from pathlib import Path

from harness_tasks.errors import UserError


def safetensors_in(folder: Path) -> list[Path]:
    """Returns the folder's safetensors files, in the order of their names; raises `UserError` where there are none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        others = sorted(
            path.name for kind in ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5") for path in folder.glob(kind)
        )
        raise UserError(
            f"the folder {folder} holds no *.safetensors file" + (f", but {others[0]}" if others else ""),
            "weights are read from safetensors alone: other formats can run code when they are loaded",
            "save the model with save_pretrained of a current transformers or peft, and name that folder",
        )
    return files
