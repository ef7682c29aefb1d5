#!/usr/bin/env python3
"""Writes a BERT cross-encoder with random weights as GGUF, for llama-server:

    crossencoder.py LAYERS WIDTH FILE [--nan WORD]

Its scores mean nothing; the wire, the queues, the limits and the timing of the
server that runs it are real. With --nan every text that holds WORD has a score
that is not a number, as broken weights give it. The same arguments give the same
file. Needs gguf and numpy from PyPI.
"""
import argparse
import string

import gguf
import numpy as np

CONTEXT = 512
WORDS = """a about all an and are as at be been but by can code document file for from go had has have he her his how i if in into is it its
line list map memory more my no not of on one or other our out panda read score she so some than that the their them then there these they this
time to two up use was way we what when where which who will with word world write you your""".split()


def vocabulary(extra):
    """The specials, words, and every printable letter as a start and as a continuation."""
    letters = string.ascii_lowercase + string.digits + string.punctuation
    words = [w for w in dict.fromkeys(WORDS + extra) if len(w) > 1]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    kinds = [gguf.TokenType.CONTROL] * len(tokens)
    for t in ["\u2581" + t for t in list(letters) + words] + list(letters):
        tokens.append(t)
        kinds.append(gguf.TokenType.NORMAL)
    return tokens, kinds


def main():
    p = argparse.ArgumentParser()
    p.add_argument("layers", type=int)
    p.add_argument("width", type=int)
    p.add_argument("file")
    p.add_argument("--nan", default="")
    o = p.parse_args()

    rng = np.random.default_rng(7)
    tokens, kinds = vocabulary([o.nan] if o.nan else [])
    w = gguf.GGUFWriter(o.file, "bert")
    w.add_name(f"random cross-encoder {o.layers} x {o.width}")
    w.add_context_length(CONTEXT)
    w.add_embedding_length(o.width)
    w.add_feed_forward_length(4 * o.width)
    w.add_block_count(o.layers)
    w.add_head_count(max(1, o.width // 32))
    w.add_layer_norm_eps(1e-12)
    w.add_causal_attention(False)
    w.add_pooling_type(gguf.PoolingType.RANK)
    w.add_tokenizer_model("bert")
    w.add_tokenizer_pre("default")
    w.add_token_list(tokens)
    w.add_token_types(kinds)
    w.add_token_type_count(2)
    for name, token in (("pad", "[PAD]"), ("unk", "[UNK]"), ("sep", "[SEP]"), ("mask", "[MASK]"), ("bos", "[CLS]"), ("eos", "[SEP]")):
        getattr(w, f"add_{name}_token_id")(tokens.index(token))

    def matrix(name, rows, columns, scale=0.4):
        w.add_tensor(name + ".weight", (scale * rng.standard_normal((rows, columns)) / np.sqrt(columns) ** 0.5).astype(np.float32))
        w.add_tensor(name + ".bias", np.zeros(rows, dtype=np.float32))

    def norm(name):
        w.add_tensor(name + ".weight", np.ones(o.width, dtype=np.float32))
        w.add_tensor(name + ".bias", np.zeros(o.width, dtype=np.float32))

    embedding = rng.standard_normal((len(tokens), o.width)).astype(np.float32)
    if o.nan:
        embedding[tokens.index("\u2581" + o.nan)] = np.nan
    w.add_tensor("token_embd.weight", embedding)
    w.add_tensor("token_types.weight", 0.1 * rng.standard_normal((2, o.width)).astype(np.float32))
    w.add_tensor("position_embd.weight", 0.1 * rng.standard_normal((CONTEXT, o.width)).astype(np.float32))
    norm("token_embd_norm")
    for i in range(o.layers):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"blk.{i}.{part}", o.width, o.width)
        norm(f"blk.{i}.attn_output_norm")
        matrix(f"blk.{i}.ffn_up", 4 * o.width, o.width)
        matrix(f"blk.{i}.ffn_down", o.width, 4 * o.width)
        norm(f"blk.{i}.layer_output_norm")
    matrix("cls", o.width, o.width)
    matrix("cls.output", 1, o.width, scale=2)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


main()
