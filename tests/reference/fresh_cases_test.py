"""`plateau-trainer check` on cases that peft, pyreft and torch train right now: what agrees agrees beyond the
recorded cases, whose names, shapes and options it could have been written for."""
import os
import subprocess
import tempfile
import unittest

import fresh_cases
import fresh_loreft
import plateau


class FreshCases(unittest.TestCase):
    def test_every_case_agrees(self):
        with tempfile.TemporaryDirectory(prefix="plateau-fresh-") as folder:
            cases = fresh_cases.write_all(folder) + fresh_loreft.write_all(folder)
            done = subprocess.run([os.path.join(plateau.BIN, "plateau-trainer"), "check", *cases], capture_output=True, text=True,
                                  check=False)
            said = [line for line in (done.stdout + done.stderr).splitlines()
                    if "DIFFERS" in line or line.startswith("plateau-trainer")]
            self.assertEqual((done.returncode, said), (0, []))
            self.assertIn(f"{len(cases)} agree", done.stdout)


if __name__ == "__main__":
    unittest.main()
