"""`hf-recorded`: lm_eval's `hf`, which takes logarithms in float32 and notes why each generation ended."""

from collections import deque
from typing import Any

import torch
from lm_eval.api.instance import Instance
from lm_eval.api.model import CacheHook
from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM

from harness_tasks.generations import Generation, ending, note
from harness_tasks.models.files import cannot_load, refusals


@register_model("hf-recorded")
class RecordedLM(HFLM):
    """lm_eval's `hf`; ``softmax_dtype`` is float32 unless it is given.

    In bfloat16 a log-likelihood near -4 comes in steps of 1/64, so that choices tie which the logits tell apart.
    """

    cache_hook: Any

    def __init__(self, *args: Any, softmax_dtype: str | torch.dtype = "float32", **kwargs: Any) -> None:
        """Loads the model as `hf` does; raises UserError where transformers cannot make one of its files."""
        self._generated: deque[Generation] = deque()
        with refusals(cannot_load(args[0] if args else kwargs.get("pretrained"))):
            super().__init__(*args, softmax_dtype=softmax_dtype, **kwargs)
            if self.prefix_token_id is None:
                raise ValueError("its tokenizer has neither a start nor an end token")

    def get_model_info(self) -> dict[str, Any]:
        """Returns what results say of the model: what `hf` says, and in which dtype logarithms are taken."""
        return {**super().get_model_info(), "softmax_dtype": str(self.softmax_dtype)}

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Returns what the model writes after each context, as `hf` does, and notes how each of them ended."""
        hook, self.cache_hook = self.cache_hook, _Noting(self.cache_hook, self._generated)
        try:
            found: list[str] = super().generate_until(requests, disable_tqdm)
        finally:
            self.cache_hook = hook
            self._generated.clear()
        return found

    def end_ids(self) -> set[int]:
        """Returns the ids after which nothing is written: the tokenizer's end token, and those of the model."""
        stated = self.model.generation_config.eos_token_id
        return {self.eot_token_id, *(stated if isinstance(stated, list) else [stated] if stated is not None else [])}

    def _model_generate(self, context: Any, max_length: int, stop: list[str], **settings: Any) -> torch.Tensor:
        written = super()._model_generate(context=context, max_length=max_length, stop=stop, **settings)
        # A decoder of its own begins with its start token; a causal LM goes on from the context.
        start = context.shape[1] if self.backend == "causal" else 1
        limit = max_length - start
        for ids in written[:, start:].tolist():
            found = ending(ids, ends=self.end_ids(), stop=stop, limit=limit, decode=self.tokenizer.decode)
            self._generated.append(found)
        return written


class _Noting(CacheHook):
    """lm_eval's cache hook, which is told each response in the order in which a batch has them."""

    def __init__(self, hook: CacheHook, generated: deque[Generation]) -> None:
        super().__init__(None)
        self.hook, self.generated = hook, generated

    def add_partial(self, attr: str, req: Any, res: Any) -> None:
        note(req[0], req[1], res, self.generated.popleft())
        self.hook.add_partial(attr, req, res)
