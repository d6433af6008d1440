"""Whatever is interrupted or killed, the same command ends with exactly one result a trial."""
import os
import signal

import harness
from harness import TRIALS


class Resume(harness.RunTest):
    def setUp(self):
        super().setUp()
        # Slow enough to be caught in the midst, quick enough to end.
        self.stand_in(steps=60, step_ms=10, checkpoint_steps=10)

    def wait_for_results_and_young_trials(self):
        """A result, and trials that run for a second yet but left a checkpoint behind already."""
        self.wait_until(lambda: self.finished() >= 1 and self.count(
            "SELECT count(*) FROM checkpoints JOIN trials ON trial = id "
            "WHERE state = 'running' AND step <= 100"),
                        "a result, and a checkpoint of a trial that runs for a while yet")

    def wait_for_some_results(self):
        self.wait_until(lambda: self.finished() >= 1, "a first result")
        self.wait_for_running()

    def end_sweep(self):
        done = self.run_sweep()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_complete()

    def test_ctrl_c_hands_back_and_the_same_command_goes_on(self):
        self.stand_in(steps=200, step_ms=10, checkpoint_steps=10)
        run = self.start_sweep("--pack", "2")
        self.wait_for_results_and_young_trials()
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(harness.PATIENCE_S), 130)
        self.assertLess(self.finished(), TRIALS)
        self.assertIn("To go on: plateau run", self.output())
        self.assertEqual(self.workers() + self.trainers(), [])
        # Handed back, so nothing is charged and nothing is left open.
        self.assertEqual(self.count("SELECT count(*) FROM attempts WHERE end IS NULL"), 0)
        self.assertGreater(self.count("SELECT count(*) FROM attempts WHERE end = 'handed back'"), 0)
        self.assertEqual(self.count("SELECT count(*) FROM attempts WHERE charged = 1"), 0)
        self.end_sweep()
        # What was handed back went on from its checkpoint.
        self.assertGreater(
            self.count("SELECT count(*) FROM attempts WHERE attempt > 1 AND start_step > 0"), 0)

    def test_two_ctrl_c_end_at_once_and_nothing_is_left(self):
        self.stand_in(steps=1000, step_ms=20, faults=[{"kind": "deaf", "trial": 0, "step": 1}])
        run = self.start_sweep()
        self.wait_for_running()
        run.send_signal(signal.SIGINT)
        self.wait_until(lambda: "Once more ends at once" in self.output(), "the first is taken")
        run.send_signal(signal.SIGINT)
        self.assertEqual(run.wait(15), 130)
        self.wait_until(lambda: not self.workers() + self.trainers(), "all processes are gone", 5)

    def test_kill_9_of_the_coordinator_and_its_worker_is_adopted(self):
        run = self.start_sweep("--pack", "2")
        self.wait_for_some_results()
        workers = self.workers()
        self.assertEqual(len(workers), 1)
        run.kill()
        run.wait()
        again = self.start_sweep("--pack", "2")
        self.wait_until(lambda: "still alive; it goes on" in self.output(), "the worker is adopted")
        self.assertEqual(self.workers(), workers)
        self.assertEqual(again.wait(harness.PATIENCE_S), 0, self.output())
        self.assert_complete()
        # Nobody lost anything: no trial needed a second attempt.
        self.assertEqual(self.attempts(), TRIALS)

    def test_kill_9_of_coordinator_worker_and_trainers_together(self):
        run = self.start_sweep("--pack", "2")
        self.wait_for_some_results()
        for pid in [run.pid, *self.workers(), *self.trainers()]:
            os.kill(pid, signal.SIGKILL)
        run.wait()
        before = self.finished()
        self.end_sweep()
        self.assertGreaterEqual(self.finished(), before)
        # At most the two that it held were begun again.
        self.assertLessEqual(self.attempts(), TRIALS + 2)

    def test_kill_9_of_the_worker_and_the_run_goes_on_by_itself(self):
        self.stand_in(steps=200, step_ms=10, checkpoint_steps=10)
        run = self.start_sweep("--pack", "2")
        self.wait_for_results_and_young_trials()
        os.kill(self.workers()[0], signal.SIGKILL)
        self.assertEqual(run.wait(harness.PATIENCE_S), 0, self.output())
        self.assert_complete()
        self.assertGreater(self.count("SELECT count(*) FROM attempts WHERE end = 'worker lost'"), 0)
        self.assertLessEqual(self.attempts(), TRIALS + 2)

    def test_kill_9_of_the_trainer_is_retried_by_the_worker(self):
        self.stand_in(steps=200, step_ms=10, checkpoint_steps=10)
        run = self.start_sweep("--pack", "2")
        self.wait_for_results_and_young_trials()
        workers = self.workers()
        os.kill(self.trainers()[0], signal.SIGKILL)
        self.wait_until(
            lambda: self.count("SELECT count(*) FROM attempts WHERE end LIKE '%crash%'"),
            "the crash is reported")
        self.assertEqual(self.workers(), workers)
        self.assertEqual(run.wait(harness.PATIENCE_S), 0, self.output())
        self.assert_complete()

    def test_a_worker_that_cannot_start_ends_the_run_with_its_words(self):
        done = self.plateau("run", self.sweep, "--trainer", "/no/such/trainer")
        self.assertEqual(done.returncode, 70, done.stderr)
        self.assertIn("/no/such/trainer", done.stderr)
        self.end_sweep()


if __name__ == "__main__":
    harness.main()
