"""How many floating-point operations a token's training step needs at least: matrices alone.

A multiplication of a token's row with a matrix of P numbers is 2 P forward, 2 P for the gradient of
its input, and 2 P for its own where it is trained. Attention's products of tokens, norms and the
adapters themselves are not counted, so a share of the ceiling is never flattered by them.
"""


def attention_numbers(config):
    """Of the matrices in front of a layer's attention: queries, keys and values."""
    width, heads = config["hidden_size"], config["num_attention_heads"]
    kept = width * config.get("num_key_value_heads", heads) // heads
    return width * width + 2 * width * kept


def numbers_behind(config):
    """Of those behind it."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    matrices = 3 if config["model_type"] == "llama" else 2  # gate, up and down; or two
    return width * width + matrices * width * inner


def flop_per_token(config, row, language_model):
    """None where the row also computes tokens that are not in the text."""
    if row.startswith(("prompt", "prefix")):
        return None
    layers = config["num_hidden_layers"]
    # LoReFT changes what a layer puts out, so nothing is needed below the lowest one changed.
    below = {"LoReFT": 1, "LoReFT, upper half": layers // 2 + 1}.get(row, 0)
    # A classifier reads one token: behind the last layer's attention the others are not needed.
    head = config["vocab_size"] * config["hidden_size"] if language_model else -numbers_behind(config)
    one = attention_numbers(config) + numbers_behind(config)
    forward = layers * one + head
    backward = (layers - below) * one + head
    return 2 * (forward + backward + (forward if row == "full" else 0))
