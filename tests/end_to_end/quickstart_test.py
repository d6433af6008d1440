"""sweeps/quickstart.yaml --smoke with the real trainer: the main job, small."""
import csv
import json
import os
import shutil
import subprocess
import tempfile
import unittest

import harness

SOURCE = os.environ.get("PLATEAU_SOURCE_DIR",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


class Quickstart(unittest.TestCase):
    def test_smoke_ends_with_a_row_for_every_cell(self):
        folder = tempfile.mkdtemp(prefix="plateau-quickstart-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        # The user's own cache: the model is fetched once, not once a test.
        done = subprocess.run(
            [harness.PLATEAU, "run", os.path.join(SOURCE, "sweeps", "quickstart.yaml"), "--smoke",
             "--json"], cwd=folder, capture_output=True, text=True, timeout=840, check=False)
        if done.returncode == 5 and not os.path.exists(
                os.path.join(folder, "runs", "quickstart-smoke", "worker.log")):
            harness.skip("the model or the task could not be fetched: " + done.stderr)
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads(done.stdout)
        self.assertEqual(summary["counts"]["finished"], summary["counts"]["total"])
        self.assertEqual(summary["counts"]["total"], 11)  # 9 cells, majority, probe
        run = summary["run"]
        with open(os.path.join(run, "results", "table.csv"), encoding="utf-8") as file:
            self.assertEqual(len(list(csv.DictReader(file))), 11)
        for name in os.listdir(os.path.join(run, "trials")):
            trial = os.path.join(run, "trials", name)
            with open(os.path.join(trial, "predictions.jsonl"), encoding="utf-8") as file:
                predictions = [json.loads(line) for line in file]
            self.assertGreater(len(predictions), 0)
            self.assertIn("prediction", predictions[0])


if __name__ == "__main__":
    harness.main()
