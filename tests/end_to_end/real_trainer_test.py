"""The real trainer, killed in the midst of training: what it goes on to is what an undisturbed run
comes to, to the last digit: metrics, predictions and the adapter's bytes."""
import json
import os
import signal
import time

import harness

SWEEP = """
name: NAME
parameters:
  base: minilm-l6
  task: tweets-sentiment
  adapter: lora
  rank: 4
  seed: 0
  pooling: mean
  epochs: 4
  batch_size: 16
  max_length: 48
  learning_rate: 3e-3
  train_size: 200
  validation_size: 60
  test_size: 100
  checkpoint_every_s: 1
resources: {pack: 1, devices: [cpu]}
"""
TRAINER = os.path.join(harness.BIN, "plateau-trainer")
PATIENCE_S = 600
FIRST_STEP_S = 5.0


class RealTrainer(harness.RunTest):
    def setUp(self):
        super().setUp()
        # The user's own cache: the model is fetched once, not once a test.
        del self.environment["PLATEAU_CACHE"]
        if "PLATEAU_CACHE" in os.environ:
            self.environment["PLATEAU_CACHE"] = os.environ["PLATEAU_CACHE"]
        self.environment["PLATEAU_TEST_FOLDER"] = self.folder  # how pids() knows ours
        self.name = "whole"

    @property
    def run_folder(self):
        return os.path.join(self.folder, "runs", self.name)

    def trainers(self):
        return self.pids("plateau-trainer")

    def begin(self, name):
        self.name = name
        self.write_sweep(SWEEP.replace("NAME", name))
        return self.start("run", self.sweep, name=name)

    def outcome(self):
        """Everything of the trial that is a number of its training."""
        (folder,) = self.query("SELECT folder FROM trials")[0]
        (result,) = self.query("SELECT result_json FROM results")[0]
        files = {}
        for name in ("predictions.jsonl", "adapter/adapter_model.safetensors"):
            with open(os.path.join(self.run_folder, folder, name), "rb") as file:
                files[name] = file.read()
        return json.loads(result)["metrics"], files

    def newer_checkpoint(self, step):
        """Until a trial in training has one of a later step at the coordinator."""
        return self.wait_until(
            lambda: self.count("SELECT c.step FROM checkpoints c JOIN attempts a ON a.trial = c.trial "
                               f"AND a.attempt = c.attempt WHERE a.end IS NULL AND c.step > {step}"),
            f"a checkpoint behind step {step}", PATIENCE_S)

    def wait_for_attempt(self, number, killed_s):
        began_ms, step = self.wait_until(
            lambda: self.query(f"SELECT started_ms, start_step FROM attempts WHERE attempt = {number} "
                               "AND started_ms > 0"), f"attempt {number} begins", PATIENCE_S)[0]
        print(f"attempt {number} goes on from step {step}, {began_ms / 1000 - killed_s:.1f} s after "
              f"the kill (at a load of {os.getloadavg()[0]:.0f})", flush=True)
        self.assertGreater(step, 0, "nothing of its work was kept")
        return began_ms / 1000 - killed_s, step

    def test_killed_in_training_and_resumed_gives_what_an_undisturbed_run_gives(self):
        whole = self.begin("whole")
        code = whole.wait(PATIENCE_S)
        if code == 5 and not os.path.exists(os.path.join(self.run_folder, "worker.log")):
            harness.skip("the model or the task could not be fetched: " + self.output("whole"))
        self.assertEqual(code, 0, self.output("whole"))
        wanted = self.outcome()

        run = self.begin("killed")
        step = self.newer_checkpoint(0)
        killed_s = time.time()
        os.kill(self.trainers()[0], signal.SIGKILL)
        took = [self.wait_for_attempt(2, killed_s)[0]]

        step = self.newer_checkpoint(step)
        killed_s = time.time()
        os.kill(self.workers()[0], signal.SIGKILL)
        took.append(self.wait_for_attempt(3, killed_s)[0])

        self.newer_checkpoint(step)
        for pid in [run.pid, *self.workers(), *self.trainers()]:
            os.kill(pid, signal.SIGKILL)
        run.wait()
        killed_s = time.time()
        again = self.start("run", self.sweep, name="again")
        took.append(self.wait_for_attempt(4, killed_s)[0])
        self.assertEqual(again.wait(PATIENCE_S), 0, self.output("again"))

        self.assertEqual(self.attempts(), 4)
        metrics, files = self.outcome()
        self.assertEqual(metrics, wanted[0])
        for name, content in wanted[1].items():
            self.assertEqual(files[name], content, name)
        # On a machine that does nothing else; a busy one is late for reasons of its own.
        if os.getloadavg()[0] < 2 * os.cpu_count():
            self.assertLess(min(took), FIRST_STEP_S)


if __name__ == "__main__":
    if not os.path.exists(TRAINER):
        harness.skip(f"{TRAINER} is not built")
    harness.main()
