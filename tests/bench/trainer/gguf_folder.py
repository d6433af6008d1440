"""A GGUF file of the Llama family as the Hugging Face folder that other libraries read.

    gguf_folder.py FILE.gguf FOLDER

writes config.json and model.safetensors (float32). transformers reads GGUF files itself, but needs
one package more for it and takes minutes to decode; here it is four formats in numpy.
"""
import json
import os
import struct
import sys

import numpy
from safetensors.numpy import save_file

# Value types of the metadata: struct's letter; 8 is a string, 9 a list.
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
           12: "d"}
BLOCK_BYTES = {0: (1, 4), 1: (1, 2), 3: (32, 20), 8: (32, 34)}  # F32, F16, Q4_1, Q8_0
NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
         "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
         "ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm",
         "ffn_norm": "post_attention_layernorm"}


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, letter):
        value, = struct.unpack_from("<" + letter, self.data, self.at)
        self.at += struct.calcsize("<" + letter)
        return value

    def text(self):
        size = self.take("Q")
        self.at += size
        return bytes(self.data[self.at - size:self.at]).decode()

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            inner, count = self.take("I"), self.take("Q")
            return [self.value(inner) for _ in range(count)]
        return self.take(SCALARS[kind])


def read(path):
    """(metadata, {name: (shape as numpy has it, type, bytes)})"""
    data = numpy.memmap(path, dtype=numpy.uint8, mode="r")
    cursor = Cursor(data)
    magic, version = cursor.take("I"), cursor.take("I")
    if magic != 0x46554747 or version not in (2, 3):
        sys.exit(f"gguf_folder.py: {path} is no GGUF file of version 2 or 3")
    tensors, keys = cursor.take("Q"), cursor.take("Q")
    metadata = {}
    for _ in range(keys):
        name = cursor.text()
        metadata[name] = cursor.value(cursor.take("I"))
    places = []
    for _ in range(tensors):
        name = cursor.text()
        shape = [cursor.take("Q") for _ in range(cursor.take("I"))][::-1]
        places.append((name, shape, cursor.take("I"), cursor.take("Q")))
    step = metadata.get("general.alignment", 32)
    begin = -(-cursor.at // step) * step
    found = {}
    for name, shape, kind, offset in places:
        if kind not in BLOCK_BYTES:
            sys.exit(f"gguf_folder.py: {name} has block type {kind}; F32, F16, Q4_1 and Q8_0 are read")
        values, size = BLOCK_BYTES[kind]
        count = int(numpy.prod(shape)) // values * size
        found[name] = (shape, kind, data[begin + offset:begin + offset + count])
    return metadata, found


def numbers(shape, kind, data):
    if kind < 2:
        plain = numpy.frombuffer(data.tobytes(), "<f4" if kind == 0 else "<f2")
        return plain.astype(numpy.float32).reshape(shape)
    blocks = data.reshape(-1, BLOCK_BYTES[kind][1])

    def halves(begin):
        column = numpy.ascontiguousarray(blocks[:, begin:begin + 2])
        return column.view("<f2").astype(numpy.float32)
    if kind == 8:
        return (halves(0) * blocks[:, 2:].view(numpy.int8)).reshape(shape)
    # The low nibbles are a block's first half, the high ones its second.
    quants = numpy.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1)
    return (halves(0) * quants + halves(2)).reshape(shape)


def name_of(theirs):
    parts = theirs.split(".")
    if parts[0] == "blk":
        return ".".join(["model.layers", parts[1], NAMES[parts[2]], parts[3]])
    return ".".join([NAMES[parts[0]], parts[1]])


def unpermuted(matrix, heads):
    """GGUF lays the halves of a head that RoPE turns into each other side by side."""
    width = matrix.shape[0] // heads
    return matrix.reshape(heads, width // 2, 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def config_of(metadata, tensors):
    if metadata.get("general.architecture") != "llama":
        sys.exit("gguf_folder.py: only the architecture llama is read")

    def key(name):
        return metadata["llama." + name]
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": key("embedding_length"), "intermediate_size": key("feed_forward_length"),
        "num_hidden_layers": key("block_count"), "num_attention_heads": key("attention.head_count"),
        "num_key_value_heads": key("attention.head_count_kv"),
        "max_position_embeddings": key("context_length"), "rope_theta": key("rope.freq_base"),
        "rms_norm_eps": key("attention.layer_norm_rms_epsilon"), "attention_bias": False,
        "vocab_size": tensors["token_embd.weight"][0][0],
        "tie_word_embeddings": "output.weight" not in tensors}


def convert(path, folder):
    metadata, tensors = read(path)
    config = config_of(metadata, tensors)
    weights = {}
    for name, (shape, kind, data) in tensors.items():
        value = numbers(shape, kind, data)
        if ".attn_q." in name:
            value = unpermuted(value, config["num_attention_heads"])
        elif ".attn_k." in name:
            value = unpermuted(value, config["num_key_value_heads"])
        weights[name_of(name)] = numpy.ascontiguousarray(value)
    os.makedirs(folder, exist_ok=True)
    save_file(weights, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    convert(sys.argv[1], sys.argv[2])
