"""plateau run with real processes: to the end, again, extended, with failing trials."""
import json
import os
import signal
import sqlite3

import harness
from harness import TRIALS


class Run(harness.RunTest):
    def test_a_sweep_ends_with_results_and_runs_nothing_twice(self):
        first = self.run_sweep()
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assert_complete()
        self.assertEqual(self.attempts(), TRIALS)
        for name in ("table.md", "table.tex", "table.csv", "rank.svg", "rank.pdf"):
            self.assertTrue(os.path.exists(os.path.join(self.run_folder, "results", name)), name)
            self.assertIn(name, first.stdout)
        self.assertIn("8/8 done", first.stderr)
        self.assertNotIn("\x1b", first.stderr)  # No terminal, no cursor movements.
        with open(self.sweep, encoding="utf-8") as given, \
             open(os.path.join(self.run_folder, "sweep.yaml"), encoding="utf-8") as kept:
            self.assertEqual(given.read(), kept.read())
        with open(os.path.join(self.run_folder, "sweep.resolved.json"), encoding="utf-8") as file:
            self.assertEqual(len(json.load(file)["trials"]), TRIALS)

        second = self.run_sweep()
        self.assertEqual(second.returncode, 0, second.stderr)
        self.assertIn("nothing is trained again", second.stderr)
        self.assertEqual(self.attempts(), TRIALS)
        self.assertEqual(self.workers(), [])

    def test_a_changed_sweep_extends_the_run(self):
        self.assertEqual(self.run_sweep().returncode, 0)
        self.write_sweep(harness.SWEEP.replace("seed: [0, 1]", "seed: [0, 1, 2]"))
        extended = self.run_sweep()
        self.assertEqual(extended.returncode, 0, extended.stderr)
        self.assertIn("8 finished before, 4 new", extended.stderr)
        self.assert_complete(TRIALS + 4)
        self.assertEqual(self.attempts(), TRIALS + 4)

    def test_plan_says_what_is_done_already(self):
        fresh = json.loads(self.plateau("plan", self.sweep, "--json").stdout)
        self.assertEqual(fresh["done"], 0)
        self.assertEqual(self.run_sweep("rank=1").returncode, 0)
        said = self.plateau("plan", self.sweep).stdout
        self.assertIn("Done already in runs/small: 4 of 8 trials; they are not trained again.", said)
        self.assertIn("Estimated time of the rest", said)
        half = json.loads(self.plateau("plan", self.sweep, "--json").stdout)
        self.assertEqual((half["done"], half["trials"]), (4, 8))
        # From what those four took: the stand-in is far from the rate that is assumed at first.
        self.assertFalse(fresh["rate"]["measured"])
        self.assertEqual(half["rate"]["source"], "measured: 4 trials on stand-in")
        self.assertEqual([row["memory_bytes"] for row in half["parameters"]], [1 << 20] * 4)
        whole = json.loads(self.plateau("plan", self.sweep, "--json", "--name", "other").stdout)
        self.assertLess(half["estimated_seconds"], whole["estimated_seconds"])
        with sqlite3.connect(os.path.join(self.run_folder, "plateau.db")) as database:
            took, = database.execute("SELECT (max(ended_ms) - min(assigned_ms)) / 1e3 FROM attempts"
                                     ).fetchone()
        self.assertLess(abs(half["estimated_seconds"] / took - 1), 0.5)

    def test_json_is_one_object_with_the_counts(self):
        done = self.run_sweep("--json", "--name", "other")
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads(done.stdout)
        self.assertEqual(summary["counts"]["finished"], TRIALS)
        self.assertEqual(summary["name"], "other")
        self.assertTrue(summary["run"].endswith("runs/other"))
        self.assertFalse(summary["interrupted"])

    def test_smoke_and_overrides_run_in_a_folder_of_their_own(self):
        done = self.run_sweep("--smoke", "rank=1")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(os.path.isdir(os.path.join(self.folder, "runs", "small-smoke")))

    def test_failed_trials_exit_1_with_their_reason_and_others_go_on(self):
        self.stand_in(faults=[{"kind": "bad_configuration", "trial": 3, "step": 2}])
        done = self.run_sweep()
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("1 trial failed", done.stdout)
        self.assertEqual(self.finished(), TRIALS - 1)
        why = self.plateau("why", "small", "3")
        self.assertEqual(why.returncode, 0, why.stderr)
        self.assertIn("is failed", why.stdout)
        self.assertIn("attempt 1", why.stdout)

        # Its user has mended the cause: the same command tries it again, and only it.
        self.stand_in()
        again = self.run_sweep()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assert_complete()

    def test_a_reason_that_all_share_is_said_once(self):
        self.stand_in(faults=[{"kind": "bad_configuration", "trial": 0, "step": 1}])
        done = self.run_sweep()
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("8 trials failed, all for the same reason", done.stdout)

    def test_status_tells_the_counts(self):
        self.assertEqual(self.run_sweep().returncode, 0)
        text = self.plateau("status", "small")
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertIn("8 trials: 8 finished, 0 running, 0 queued, 0 failed", text.stdout)
        self.assertIn("No coordinator", text.stdout)
        status = json.loads(self.plateau("status", self.run_folder, "--json").stdout)
        self.assertEqual(status["counts"]["finished"], TRIALS)
        self.assertIsNone(status["coordinator_pid"])
        self.assertEqual(len(status["trials"]), TRIALS)

    def test_status_of_a_run_that_goes_on(self):
        self.stand_in(steps=1000, step_ms=20)
        run = self.start_sweep()
        self.wait_for_running()
        status = json.loads(self.plateau("status", "small", "--json").stdout)
        self.assertEqual(status["coordinator_pid"], run.pid)
        self.assertGreater(status["counts"]["running"], 0)
        run.send_signal(signal.SIGTERM)
        self.assertEqual(run.wait(harness.PATIENCE_S), 130)


if __name__ == "__main__":
    harness.main()
