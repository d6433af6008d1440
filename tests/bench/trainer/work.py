"""How many floating-point operations a token's training step needs at least: matrices alone.

A multiplication of a token's row with a matrix of P numbers is 2 P forward, 2 P for the gradient of
its input, and 2 P for its own where it is trained. Attention's products of tokens, norms and the
adapters themselves are not counted, so a share of the ceiling is never flattered by them.
"""


def layer_numbers(config):
    width, inner = config["hidden_size"], config["intermediate_size"]
    heads = config["num_attention_heads"]
    kept = width * config.get("num_key_value_heads", heads) // heads
    matrices = 3 if config["model_type"] == "llama" else 2  # gate, up and down; or two
    return 2 * width * width + 2 * width * kept + matrices * width * inner


def flop_per_token(config, row, language_model):
    """None where the row also computes tokens that are not in the text."""
    if row.startswith(("prompt", "prefix")):
        return None
    layers = config["num_hidden_layers"]
    # LoReFT changes what a layer puts out, so nothing is needed below the lowest one changed.
    below = {"LoReFT": 1, "LoReFT, upper half": layers // 2 + 1}.get(row, 0)
    head = config["vocab_size"] * config["hidden_size"] if language_model else 0
    one = layer_numbers(config)
    forward = layers * one + head
    backward = (layers - below) * one + head
    return 2 * (forward + backward + (forward if row == "full" else 0))
