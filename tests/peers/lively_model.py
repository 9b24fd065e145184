"""The tiny model with weights twenty times as large: its answers to several rows are not all the same.

python -m tests.peers.lively_model FOLDER
"""

import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

from studies.tiny_model import write_tiny_model


def write_lively_model(folder: Path) -> Path:
    """Returns ``folder`` after writing the model into it."""
    file = write_tiny_model(folder) / "model.safetensors"
    weights = {name: 20 * tensor if tensor.dim() == 2 else tensor for name, tensor in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    return folder


if __name__ == "__main__":
    write_lively_model(Path(sys.argv[1]))
