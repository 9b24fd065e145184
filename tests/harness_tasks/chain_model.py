"""A Llama that writes what a table says, letter after letter, with a tokenizer that merges letters when it encodes."""

from pathlib import Path

LETTERS = {"a": "b", "b": "a", "c": "d", "d": "<eos>", "e": "\n", "\n": "e", "f": "ab", "ab": "a", "g": "g", "h": "h"}
"""What follows each token; "ab" is one token where a text is encoded, and two where they are written."""


def write_chain_model(folder: Path) -> Path:
    """Returns ``folder`` with the model and its tokenizer: after "a" it writes "bababa…", after "c" "d" and the end.

    Each layer adds nothing, so that the last hidden state is the last token's embedding, one-hot; the output layer has
    a 1 for the token that follows it.
    """
    import torch
    from tokenizers import Tokenizer, decoders, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = ["<eos>", *LETTERS]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(vocabulary)}, merges=[("a", "b")]))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(["<eos>"])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<eos>", model_max_length=64
    ).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        eos_token_id=0,
        bos_token_id=None,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(len(vocabulary), 16))
        model.lm_head.weight.zero_()
        for token, following in LETTERS.items():
            model.lm_head.weight[vocabulary.index(following), vocabulary.index(token)] = 1
    model.save_pretrained(folder)
    return folder
