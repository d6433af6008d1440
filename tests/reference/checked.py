"""Runs `plateau-trainer check` on cases."""
import os
import subprocess

import plateau


def check(test, cases):
    done = subprocess.run([os.path.join(plateau.BIN, "plateau-trainer"), "check", *cases],
                          capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines()
            if "DIFFERS" in line or line.startswith("plateau-trainer")]
    test.assertEqual((done.returncode, said), (0, []))
    test.assertIn(f"{len(cases)} agree", done.stdout)
