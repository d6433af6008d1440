"""`plateau-trainer check` on cases that peft, pyreft and torch train right now: what agrees agrees beyond the
recorded cases, whose names, shapes and options it could have been written for."""
import tempfile
import unittest

import fresh_cases
import fresh_loreft
from checked import check


class FreshCases(unittest.TestCase):
    def test_every_case_agrees(self):
        with tempfile.TemporaryDirectory(prefix="plateau-fresh-") as folder:
            check(self, fresh_cases.write_all(folder)
                  + fresh_loreft.write_all(folder, fresh_cases.MODELS, fresh_loreft.CASES))


if __name__ == "__main__":
    unittest.main()
