"""SIGTERM in the middle of training: the step is finished and saved, then training stops.

It is what `kill`, a batch system at the end of its time and a cloud machine about to be taken away send first.
"""

import signal
from typing import Any

import torch
from torch import distributed
from transformers import TrainerCallback
from typing_extensions import override


class Termination(TrainerCallback):
    """Turns SIGTERM into a checkpoint and the end of training; ``received`` then is True in every process.

    It takes hold where training begins: before, and after its end, SIGTERM ends the process at once as always, and the
    checkpoints there are stay.
    """

    def __init__(self) -> None:
        self.received = False
        self._before: Any = None

    @override
    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self._before = signal.signal(signal.SIGTERM, self._note)

    @override
    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if distributed.is_initialized():
            # Processes hear of it at different moments, and one alone in a save would wait for the others for ever.
            flag = torch.tensor(int(self.received), device=args.device)
            distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
            self.received = bool(flag.item())
        if self.received:
            control.should_log = control.should_save = control.should_training_stop = True

    @override
    def on_train_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        signal.signal(signal.SIGTERM, self._before or signal.SIG_DFL)

    def _note(self, number: int, frame: Any) -> None:
        self.received = True
