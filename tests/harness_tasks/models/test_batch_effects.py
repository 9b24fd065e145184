"""From which length on a model reads otherwise, and whether a row's neighbours change it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import LONGROPE, SMALL
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    GPTNeoConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PreTrainedConfig,
)

from harness_tasks.models.batch_effects import alone_over, changes, rope_switch, writes_beside

PHI3 = Phi3Config(**SMALL, **LONGROPE)
DYNAMIC = LlamaConfig(**SMALL, max_position_embeddings=20,
                      rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0})  # fmt: skip


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (LlamaConfig(), ([], None)),
        (MistralConfig(sliding_window=4096), ([], 4096)),
        (MistralConfig(sliding_window=None), ([], None)),
        (GPTNeoConfig(window_size=256), ([256], None)),
        (AutoConfig.for_model("gemma3_text", sliding_window=512), ([512], None)),
        (AutoConfig.for_model("llama4_text", attention_chunk_size=8192), ([], 8192)),
        (PHI3, ([20], None)),
        (PreTrainedConfig(layers={"deep": [{"attention_window": [64, 128]}, {"index_topk": 2048}]}), ([64, 128], 2048)),
    ],
)
def test_lengths_that_a_configuration_names(config: Any, expected: Any) -> None:
    assert changes(config) == expected


def test_where_frequencies_switch() -> None:
    assert rope_switch(LlamaConfig()) is None
    assert rope_switch(LlamaConfig(rope_parameters={"rope_type": "llama3", "factor": 8.0, "rope_theta": 5e5,
                                                    "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                                    "original_max_position_embeddings": 8192})) is None  # fmt: skip
    assert rope_switch(DYNAMIC) == 20
    assert rope_switch(PHI3) == 20


def read(model: Any, *rows: list[int]) -> list[torch.Tensor]:
    """Returns the logits of the first row's tokens, in a batch that is padded on the right."""
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows])
    with torch.inference_mode():
        return list(model(input_ids=ids).logits[0, : len(rows[0])])


@pytest.mark.parametrize(("config", "limit"), [(PHI3, 20), (DYNAMIC, 20), (LlamaConfig(**SMALL), None)])
def test_neighbours_change_a_row_only_where_it_is_said(config: Any, limit: int | None) -> None:
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config).eval()
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, 0, 0.5)
    short, long = [n % 80 + 3 for n in range(15)], [n % 70 + 5 for n in range(50)]
    alone = read(model, short)
    assert torch.allclose(torch.stack(read(model, short, long)), torch.stack(alone), atol=1e-4) == (limit is None)
    assert alone_over(model) == limit
    fresh = read(AutoModelForCausalLM.from_config(config).eval(), long)
    assert len(fresh) == 50
    torch.testing.assert_close(read(model, short), alone, atol=1e-5, rtol=1e-5)  # whatever was read before


def test_a_longer_sequence_is_forgotten() -> None:
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(DYNAMIC).eval()
    middle, long = [n % 80 + 3 for n in range(30)], [n % 70 + 5 for n in range(70)]
    alone = torch.stack(read(model, middle))
    read(model, long)
    assert not torch.allclose(torch.stack(read(model, middle)), alone, atol=1e-6)  # as transformers has it
    alone_over(model)
    torch.testing.assert_close(torch.stack(read(model, middle)), alone)
    read(model, long)
    torch.testing.assert_close(torch.stack(read(model, middle)), alone)


def test_a_model_that_fails_beside_others_is_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = AutoModelForSequenceClassification.from_config(LlamaConfig(**SMALL))
    assert alone_over(model) is None
    monkeypatch.setattr(type(model.model), "forward", lambda self, **given: 1 / 0)
    assert alone_over(model) == 0


def test_a_classifier_reads_long_rows_alone(tmp_path: Path, tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    from harness_tasks.models.seqcls import SequenceClassifierLM

    config = Phi3Config(
        **{**SMALL, "vocab_size": 259},
        **LONGROPE,
        architectures=["Phi3ForSequenceClassification"],
    )
    torch.manual_seed(2)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
    prompts = [[n % 80 + 3 for n in range(length)] for length in (5, 12, 18, 25, 60)]
    together = SequenceClassifierLM(pretrained=str(tmp_path), batch_size=8, device="cpu", dtype="float32")
    assert [len(taken) for taken, _ in together.batches(prompts)] == [1, 1, 3]
    alone = SequenceClassifierLM(pretrained=str(tmp_path), batch_size=1, device="cpu", dtype="float32")
    torch.testing.assert_close(
        torch.tensor(together._log_probabilities(prompts)), torch.tensor(alone._log_probabilities(prompts))
    )


DEEPSEEK_V4 = {"head_dim": 16, "sliding_window": 16, "q_lora_rank": 24, "qk_rope_head_dim": 8, "n_routed_experts": 4,
               "num_experts_per_tok": 2, "o_groups": 2, "o_lora_rank": 8, "index_n_heads": 2, "index_head_dim": 16,
               "layer_types": ["heavily_compressed_attention", "compressed_sparse_attention"]}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [("llama", {}, True), ("mistral", {"sliding_window": 16}, True), ("deepseek_v4", DEEPSEEK_V4, False)],
)
def test_padding_before_a_prompt_is_found_to_change_what_is_written(
    kind: str, values: dict[str, Any], expected: bool
) -> None:
    # its keys are compressed by blocks that begin at the padding
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SMALL | values)).eval()
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, 0, 0.3)
    assert writes_beside(model) == expected
    if expected:
        return
    short, long = torch.arange(3, 15)[None], torch.arange(3, 43)[None]
    padded = torch.cat([torch.cat([torch.zeros(1, 28, dtype=torch.long), short], 1), long])
    mask = torch.ones_like(padded)
    mask[0, :28] = 0
    settings: Any = {"max_new_tokens": 12, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    beside = model.generate(padded, attention_mask=mask, **settings)[0, 40:]
    alone = model.generate(short, attention_mask=torch.ones_like(short), **settings)[0, 12:]
    assert beside.tolist() != alone.tolist()
