"""Budgets of a sweep with real processes: what ends it, what is left, and that a larger one goes on."""
import json

import harness

GRID = harness.SWEEP.replace("seed: [0, 1]", "seed: [0, 1, 2, 3]")
TRIALS = 16
SEARCH = """
name: small
method: random
metric: {name: accuracy, goal: maximize}
""" + harness.SEARCH_SPACE


class Budget(harness.RunTest):
    def setUp(self):
        super().setUp()
        # A trial takes 0.5 s; one at a time.
        self.stand_in(steps=10, step_ms=50)

    def run_arguments(self, *more):
        return super().run_arguments("--devices", "cpu", "--pack", "1", *more)

    def ended_early(self, text, said):
        """Runs the sweep to the end of its budget; returns how many trials are finished."""
        self.write_sweep(text)
        done = self.run_sweep("--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, "Ending: " + said + r".*\. No more trials are started; those "
                         "that run are finished")
        self.assertRegex(done.stderr, "Ended by its budget, with .* trials done: " + said)
        summary = json.loads(done.stdout)
        self.assertRegex(summary["ended_by"], said)
        self.assertFalse(summary["interrupted"])
        finished = self.finished()
        self.assertEqual(summary["counts"]["finished"], finished)
        # What ran was finished: nothing was handed back, nothing is half-way.
        self.assertEqual(self.count("SELECT count(*) FROM attempts WHERE end <> 'finished'"), 0)
        self.assertEqual(self.attempts(), finished)
        return finished

    def goes_on(self, text, trials):
        self.write_sweep(text)
        done = self.run_sweep()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("budget", done.stderr)
        self.assert_complete(trials)

    def test_max_time_ends_a_grid_and_a_larger_one_goes_on(self):
        finished = self.ended_early(GRID + "max_time: 1.5s\n", "max_time is 2 s, and trials have run")
        self.assertGreaterEqual(finished, 2)
        self.assertLess(finished, 8)
        again = self.run_sweep()
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertIn("Ended by its budget", again.stderr)
        self.assertEqual(self.attempts(), finished, "it was spent before")
        self.goes_on(GRID + "max_time: 1h\n", TRIALS)

    def test_max_gpu_hours_ends_a_grid(self):
        finished = self.ended_early(GRID + "max_gpu_hours: 0.0003\n",
                                    "max_gpu_hours is 3e-04, and devices have been in use for")
        self.assertLess(finished, 8)
        self.goes_on(GRID, TRIALS)

    def test_a_search_without_another_cap_ends_by_its_time(self):
        self.write_sweep(SEARCH + "max_time: 2s\n")
        done = self.run_sweep()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("trials done: max_time is 2 s", done.stderr)
        first = self.finished()
        self.assertGreaterEqual(first, 2)
        self.assertEqual(self.count("SELECT count(*) FROM trials"), first)
        self.write_sweep(SEARCH + "max_time: 4s\n")
        more = self.run_sweep()
        self.assertEqual(more.returncode, 0, more.stderr)
        self.assertGreater(self.finished(), first)

    def test_a_target_ends_a_grid_and_a_search(self):
        # Long beside a tick of the coordinator's loop, which is when a reached target is noticed.
        self.stand_in(steps=4, step_ms=100, evaluation_steps=2)
        self.ended_early(GRID + "metric: accuracy\ntarget: 0.01\n",
                         r"trial \d+ reached the target of 0.01")
        self.assertLessEqual(self.finished(), 2)
        self.write_sweep(SEARCH + "max_trials: 20\ntarget: 0.01\n")
        done = self.run_sweep("--name", "search")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"The search has ended: trial 1 reached the target of 0\.01\.")

    def test_max_trials_takes_the_first_and_a_larger_one_extends(self):
        self.write_sweep(GRID + "run_cap: 5\n")
        self.assertEqual(self.run_sweep().returncode, 0)
        self.assert_complete(5)
        self.goes_on(GRID + "max_trials: 7\n", 7)

    def test_a_search_says_what_it_chose_in_the_resolved_file(self):
        self.write_sweep(SEARCH + "max_trials: 4\n")
        self.assertEqual(self.run_sweep().returncode, 0)
        with open(self.run_folder + "/sweep.resolved.json", encoding="utf-8") as file:
            resolved = json.load(file)
        self.assertEqual(len(resolved["trials"]), 4)
        self.assertEqual(len(resolved["proposals"]), 4)
        for trial, proposal in zip(resolved["trials"], resolved["proposals"]):
            self.assertEqual(trial["trial"]["adapter"]["method"], proposal["values"]["adapter"])


if __name__ == "__main__":
    harness.main()
