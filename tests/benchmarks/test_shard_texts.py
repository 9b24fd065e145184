"""The comparison of shards with a whole run: how far apart two tokens were where two texts part."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from benchmarks.shards import gap_where_they_part

PROMPT = "Passage: The fleet left in May.\nQuestion: When?\nAnswer:"


@pytest.mark.parametrize("kept", [0, 2])
def test_the_gap_where_two_texts_part(tiny_model: Path, kept: int) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    ids = tokenizer(PROMPT, return_tensors="pt")
    written = model.generate(**ids, max_new_tokens=kept + 1, do_sample=False)[0]
    greedy = tokenizer.decode(written[len(ids["input_ids"][0]) :])
    other = tokenizer.decode(written[len(ids["input_ids"][0]) : -1]) + "?"
    assert greedy != other
    with torch.no_grad():
        best = model(written[None, :-1]).logits[0, -1].topk(2).values
    gap = gap_where_they_part(tiny_model, PROMPT, greedy, other)
    assert gap == pytest.approx(float(best[0] - best[1]), abs=1e-5)
    assert gap > 0
