"""Write weights, vocabulary and chat template as the one file that llama.cpp loads.

`--tensors-of FILE` takes the weights of a finished file instead of `training`'s, so that a change of the chat
template or of another header needs no training.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import gguf
import torch

from demo_model.network import SHAPE
from demo_model.paths import MODEL_FILE, TOKENIZER, WEIGHTS
from demo_model.rendering import CONTROL, SPECIAL, TEMPLATE

Q8 = gguf.GGMLQuantizationType.Q8_0
NAMES = {
    "embed_tokens": "token_embd",
    "norm": "output_norm",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tensors-of", type=Path, metavar="FILE")
    finished = parser.parse_args().tensors_of
    writer = gguf.GGUFWriter(MODEL_FILE, "qwen3")
    _describe(writer)
    _add_vocabulary(writer, json.loads(TOKENIZER.read_text()))
    if finished:
        _copy_tensors(writer, finished)
    else:
        _add_tensors(writer, torch.load(WEIGHTS, map_location="cpu"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{MODEL_FILE}: {MODEL_FILE.stat().st_size} bytes")


def _add_tensors(writer: gguf.GGUFWriter, weights: dict[str, torch.Tensor]) -> None:
    for name, tensor in weights.items():
        array = tensor.float().numpy()
        if array.ndim == 1:  # norms
            writer.add_tensor(gguf_name(name), array)
        else:
            writer.add_tensor(gguf_name(name), gguf.quants.quantize(array, Q8), raw_dtype=Q8)


def _copy_tensors(writer: gguf.GGUFWriter, finished: Path) -> None:
    for tensor in gguf.GGUFReader(finished).tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)


def gguf_name(name: str) -> str:
    """`layers.2.mlp.up_proj.weight` → `blk.2.ffn_up.weight`."""
    place = name.removesuffix(".weight")
    if not place.startswith("layers."):
        return f"{NAMES[place]}.weight"
    _, layer, part = place.split(".", 2)
    return f"blk.{layer}.{NAMES[part]}.weight"


def _describe(writer: gguf.GGUFWriter) -> None:
    writer.add_name("Antiphon demo")
    writer.add_license("apache-2.0")
    writer.add_type("model")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(SHAPE.context)
    writer.add_embedding_length(SHAPE.width)
    writer.add_block_count(SHAPE.layers)
    writer.add_feed_forward_length(SHAPE.hidden)
    writer.add_head_count(SHAPE.heads)
    writer.add_head_count_kv(SHAPE.kv_heads)
    writer.add_key_length(SHAPE.head_width)
    writer.add_value_length(SHAPE.head_width)
    writer.add_rope_freq_base(SHAPE.rope_base)
    writer.add_layer_norm_rms_eps(SHAPE.epsilon)
    writer.add_vocab_size(SHAPE.vocabulary)
    # What a request without a temperature gets: a model this small has one good answer at most.
    writer.add_float32("general.sampling.temp", 0.0)


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: dict[str, Any]) -> None:
    ids: dict[str, int] = tokenizer["model"]["vocab"]
    tokens = sorted(ids, key=lambda token: ids[token])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([_token_type(token) for token in tokens])
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(ids["<|im_end|>"])
    writer.add_eot_token_id(ids["<|im_end|>"])
    writer.add_pad_token_id(ids["<|pad|>"])
    writer.add_bos_token_id(ids["<|pad|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _token_type(token: str) -> gguf.TokenType:
    if token in CONTROL:
        return gguf.TokenType.CONTROL
    return gguf.TokenType.USER_DEFINED if token in SPECIAL else gguf.TokenType.NORMAL


if __name__ == "__main__":
    main()
