"""Sweeps that share trials: a changed file extends its run, and --reuse takes another run's results."""
import json
import os
import shutil

import harness

FIRST = harness.SWEEP.replace("name: small", "name: first")
MORE = harness.SWEEP.replace("rank: [1, 4]", "rank: [1, 4, 8]")
MORE_TRIALS = 12
SEARCH = """
name: small
method: random
search_seed: 3
metric: accuracy
max_trials: 6
parameters:
  base: {path: base}
  task: {path: task, labels: [no, yes]}
  adapter: [lora, dora]
  rank: {values: [1, 4]}
  seed: [0, 1]
  epochs: 1
  batch_size: 2
  learning_rate: 1e-3
"""


class Reuse(harness.RunTest):
    def first_run(self, text=FIRST):
        self.write_sweep(text)
        done = self.run_sweep()
        self.assertEqual(done.returncode, 0, done.stderr)
        return os.path.join(self.folder, "runs", "first")

    def reusing(self, text=MORE, run="first"):
        self.write_sweep(text)
        done = self.run_sweep("--reuse", run)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def sessions_of_mine(self):
        return "(SELECT session FROM sessions)"

    def trained_here(self):
        return self.count(f"SELECT count(*) FROM attempts WHERE session IN {self.sessions_of_mine()}")

    def test_finished_trials_of_another_run_count_and_say_so(self):
        first = self.first_run()
        done = self.reusing()
        self.assertIn("--reuse first: the results of 8 trials are taken over", done.stderr)
        self.assert_complete(MORE_TRIALS)
        self.assertEqual(self.trained_here(), MORE_TRIALS - 8)

        # The same numbers as there, by key.
        mine = self.query("SELECT t.key, r.result_json FROM trials t JOIN results r ON r.trial = t.id "
                          "JOIN reused u ON u.trial = t.id ORDER BY t.key")
        self.assertEqual(len(mine), 8)
        theirs = self.query("SELECT t.key, r.result_json FROM trials t "
                            "JOIN results r ON r.trial = t.id ORDER BY t.key", first)
        self.assertEqual(mine, theirs)

        trace = self.plateau("results", "trace", "small", "--format", "json")
        self.assertEqual(trace.returncode, 0, trace.stderr)
        origins = [trial.get("reused_from", "") for trial in json.loads(trace.stdout)["trials"]]
        self.assertEqual(sum("of the run first" in origin for origin in origins), 8)
        (trial,), = self.query("SELECT trial FROM reused ORDER BY trial LIMIT 1")
        why = self.plateau("why", "small", str(trial))
        self.assertRegex(why.stdout, r"Its result is that of trial \d+ of the run first \(.*runs/first\)")

        # The other run may go: nothing of this one is missing.
        shutil.rmtree(first)
        self.assert_complete(MORE_TRIALS)
        again = self.run_sweep()
        self.assertIn("nothing is trained again", again.stderr)

    def test_a_damaged_file_is_not_taken_and_its_trial_is_trained(self):
        first = self.first_run()
        folder = sorted(os.listdir(os.path.join(first, "trials")))[0]
        with open(os.path.join(first, "trials", folder, "predictions.jsonl"), "ab") as file:
            file.write(b"{}\n")
        done = self.reusing()
        self.assertIn("the results of 7 trials are taken over", done.stderr)
        self.assertRegex(done.stderr, "is trained here: .*predictions.jsonl is not what its trial wrote")
        self.assert_complete(MORE_TRIALS)
        self.assertEqual(self.trained_here(), MORE_TRIALS - 7)

    def test_a_search_takes_what_it_proposes(self):
        self.first_run()
        self.reusing(SEARCH)
        self.assert_complete(6)
        self.assertEqual(self.trained_here(), 0)
        self.assertEqual(self.count("SELECT count(*) FROM reused"), 6)

    def test_a_run_that_is_not_there_or_itself_is_refused(self):
        self.first_run()
        self.write_sweep(MORE)
        missing = self.run_sweep("--reuse", "frist")
        self.assertEqual(missing.returncode, 3, missing.stderr)
        self.assertIn("There is no run 'frist'", missing.stderr)
        self.assertIn("Did you mean 'first'?", missing.stderr)
        itself = self.run_sweep("--reuse", "small")
        self.assertEqual(itself.returncode, 2, itself.stderr)
        self.assertIn("--reuse names this run itself", itself.stderr)

    def test_the_same_file_with_more_of_everything_extends_the_run(self):
        self.write_sweep(harness.SWEEP)
        self.assertEqual(self.run_sweep().returncode, 0)
        harness.write_task(os.path.join(self.folder, "other"))
        with open(os.path.join(self.folder, "other", "test.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps({"sentence": "one more", "label": 1}) + "\n")
        before, trials = 8, 8
        for old, new, trials in (("seed: [0, 1]", "seed: [0, 1, 2]", 12),
                                 ("rank: [1, 4]", "rank: [1, 4, 16]", 18),
                                 ("  task: {path: task, labels: [no, yes]}\n", "", 36)):
            with open(self.sweep, encoding="utf-8") as file:
                text = file.read().replace(old, new)
            if trials == 36:
                text += ("tasks:\n  task: {path: task, labels: [no, yes]}\n"
                         "  other: {path: other, labels: [no, yes]}\n")
            self.write_sweep(text)
            done = self.run_sweep()
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"{before} finished before, {trials - before} new", done.stderr)
            self.assert_complete(trials)
            self.assertEqual(self.attempts(), trials)
            before = trials


if __name__ == "__main__":
    harness.main()
