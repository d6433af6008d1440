"""`plateau-trainer check` on bases whose config.json says otherwise: activations, scaling, windows, padding,
output embeddings, biases, regression."""
import tempfile
import unittest

import fresh_configs
from checked import check


class FreshConfigs(unittest.TestCase):
    def test_every_case_agrees(self):
        with tempfile.TemporaryDirectory(prefix="plateau-configs-") as folder:
            check(self, fresh_configs.write_all(folder))


if __name__ == "__main__":
    unittest.main()
