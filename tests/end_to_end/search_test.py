"""A search with early stopping, with real processes: to its cap, and through kill -9 of everything."""
import os
import signal

import harness

SEARCH = """
name: small
method: tpe
metric: {name: accuracy, goal: maximize}
max_trials: 16
early_terminate: {type: asha, min_iter: 1, eta: 2}
baselines: [majority]
""" + harness.SEARCH_SPACE
TRIALS = 16


class Search(harness.RunTest):
    def setUp(self):
        super().setUp()
        self.write_sweep(SEARCH)
        self.stand_in(evaluation_steps=5, checkpoint_steps=5)

    def run_arguments(self, *more):
        # One trial at a time: then the order of the results is always the same.
        return super().run_arguments("--devices", "cpu", "--pack", "1", *more)

    def decisions(self):
        """What was chosen, why, and what became of it; without the baseline."""
        proposals = self.query("SELECT point_json, values_json, reason FROM proposals ORDER BY id")
        ends = self.query("SELECT label, state, reason FROM trials WHERE is_baseline = 0 ORDER BY id")
        return proposals, ends

    def test_a_search_runs_to_its_cap_and_marks_what_it_stopped(self):
        done = self.run_sweep()
        self.assertEqual(done.returncode, 0, done.stderr)
        proposals, ends = self.decisions()
        self.assertEqual(len(proposals), TRIALS)
        self.assertEqual(len(ends), TRIALS)
        self.assertIn("Sobol", proposals[0][2])
        self.assertIn("tree-structured Parzen estimator", proposals[-1][2])
        stopped = [reason for _, state, reason in ends if state == "stopped"]
        self.assertGreaterEqual(len(stopped), 4)
        for reason in stopped:
            self.assertRegex(reason, r"^its value of 0\.\d+ after \d+ evaluations is number \d+ of \d+; the best \d+ go on$")
        self.assertGreaterEqual([state for _, state, _ in ends].count("finished"), 2)
        self.assertEqual(self.count("SELECT count(*) FROM results") + len(stopped), TRIALS + 1)

        status = self.plateau("status", "small")
        self.assertIn(f"{len(stopped)} stopped early", status.stdout)
        self.assertIn("stopped early", done.stdout)

        # All is done: the same command trains nothing.
        again = self.run_sweep()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("nothing is trained again", again.stderr)
        self.assertEqual(self.decisions(), (proposals, ends))

    def test_a_search_that_was_killed_decides_as_one_that_was_not(self):
        self.assertEqual(self.run_sweep("--name", "whole").returncode, 0)
        os.rename(os.path.join(self.folder, "runs", "whole"), self.run_folder)
        expected = self.decisions()
        self.assertEqual(len(expected[0]), TRIALS)
        os.rename(self.run_folder, os.path.join(self.folder, "runs", "whole"))

        for proposed in (3, 9, 13):
            run = self.start_sweep()
            self.wait_until(lambda: self.count("SELECT count(*) FROM proposals") >= proposed,
                            f"{proposed} cells are proposed")
            os.kill(run.pid, signal.SIGKILL)
            run.wait()
            self.kill_everything()
        last = self.run_sweep()
        self.assertEqual(last.returncode, 0, last.stderr)
        self.assertEqual(self.decisions(), expected)


if __name__ == "__main__":
    harness.main()
