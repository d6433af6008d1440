"""Chaos: 200 trials, a coordinator and three workers, and at least 50 random kills, freezes and
restarts. Each trial ends with exactly one result, which is the one that an undisturbed run gives.

The seed is printed; PLATEAU_CHAOS_SEED=N repeats its choices (the timing is the machine's own).

Tried with mechanisms taken out, seed 1: a worker that ignores Welcome.keep and hands everything
back whenever its coordinator was restarted makes more executions than are allowed (368 of 328); one
that never uploads a checkpoint leaves no attempt that was resumed; a coordinator that does not clean
up after the one that was killed leaves checkpoints of ended trials behind (seeds 3 and 4)."""
import json
import os
import random
import signal
import socket
import time

import harness

SWEEP = """
name: small
parameters:
  base: {path: base}
  task: {path: task, labels: [no, yes]}
  adapter: [lora, dora]
  rank: [1, 2, 4, 8, 16]
  seed: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
  epochs: 1
  batch_size: 2
  learning_rate: 1e-3
replicate: seed
"""
TRIALS = 200
WORKERS = 3
PACK = 4
FAULTS = 55
LEASE_S = 2.0


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Chaos(harness.RunTest):
    def setUp(self):
        super().setUp()
        self.write_sweep(SWEEP)
        self.seed = int(os.environ.get("PLATEAU_CHAOS_SEED", "1"))
        self.random = random.Random(self.seed)
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self.coordinator = None
        self.workers_by_name = {}
        self.allowed = TRIALS  # executions
        self.faults = {}

    # ---- processes ------------------------------------------------------------------------------

    def start_coordinator(self):
        self.coordinator = self.start("coordinator", self.sweep, "--bind", self.address,
                                      "--lease-ms", str(int(LEASE_S * 1000)), name="coordinator")

    def start_worker(self, name):
        self.workers_by_name[name] = self.start(
            "worker", "--connect", self.address, "--name", name, "--devices", "cpu", "--pack",
            str(PACK), "--trainer", harness.STAND_IN, "--grace", "5s", "--folder",
            os.path.join(self.folder, name), name=name)

    def trainers_of(self, worker):
        try:
            path = f"/proc/{worker.pid}/task/{worker.pid}/children"
            with open(path, encoding="utf-8") as file:
                return [int(pid) for pid in file.read().split()]
        except OSError:
            return []

    # ---- faults ---------------------------------------------------------------------------------

    def held_by(self, name):
        """Trials that the worker holds, as the coordinator has committed it."""
        return self.count(
            f"SELECT count(*) FROM attempts WHERE end IS NULL AND node = '{name}'")

    def charge(self, name):
        """What a fault may cost: each trial that the worker holds may begin once more, and so may
        those that the coordinator was just sending to it."""
        self.allowed += max(self.held_by(name), PACK)

    def kill_worker(self, name):
        worker = self.workers_by_name[name]
        self.charge(name)
        worker.kill()
        worker.wait()
        time.sleep(self.random.choice([0.0, 0.0, 0.3]))
        self.start_worker(name)

    def preempt_worker(self, name):
        worker = self.workers_by_name[name]
        self.charge(name)
        worker.send_signal(signal.SIGTERM)
        worker.wait(harness.PATIENCE_S)
        self.start_worker(name)

    def freeze_worker(self, name):
        """For less than a lease: nothing may be lost. For longer: its trials go elsewhere."""
        worker = self.workers_by_name[name]
        seconds = self.random.choice([0.2, 0.5, 0.5, LEASE_S * 1.5])
        if seconds > LEASE_S:
            self.charge(name)
        worker.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        worker.send_signal(signal.SIGCONT)

    def freeze_coordinator(self):
        # Shorter than a lease: its workers were not silent, it was deaf, and nothing is begun anew.
        self.coordinator.send_signal(signal.SIGSTOP)
        time.sleep(self.random.choice([0.2, 0.5, 1.0]))
        self.coordinator.send_signal(signal.SIGCONT)

    def kill_coordinator(self):
        # No trial is begun anew for it.
        self.coordinator.kill()
        self.coordinator.wait()
        time.sleep(self.random.choice([0.0, 0.5]))
        self.start_coordinator()

    def kill_trainer(self, name):
        self.charge(name)
        for pid in self.trainers_of(self.workers_by_name[name]):
            os.kill(pid, signal.SIGKILL)

    def one_fault(self, number):
        name = self.random.choice(sorted(self.workers_by_name))
        kind = self.random.choice(["kill worker"] * 4 + ["freeze worker"] * 3 +
                                  ["kill coordinator"] * 3 + ["preempt worker"] * 2 +
                                  ["freeze coordinator"])
        # Trainers' crashes are charged to a trial that is alone: few, or one would be blamed.
        if number % 18 == 17:
            kind = "kill trainer"
        self.faults[kind] = self.faults.get(kind, 0) + 1
        if kind.endswith("coordinator"):
            getattr(self, kind.replace(" ", "_"))()
        else:
            getattr(self, kind.replace(" ", "_"))(name)

    # ---- the test -------------------------------------------------------------------------------

    def results(self):
        """The test metric of each trial, by its key."""
        rows = self.query("SELECT key, result_json FROM results JOIN trials ON trial = id")
        return {key: json.loads(result)["metrics"][0]["value"] for key, result in rows}

    def undisturbed(self):
        self.stand_in(steps=60, step_ms=0, checkpoint_steps=0)
        done = self.run_sweep("--name", "undisturbed", "--pack", "16")
        self.assertEqual(done.returncode, 0, done.stderr)
        os.rename(os.path.join(self.folder, "runs", "undisturbed"), self.run_folder)
        results = self.results()
        os.rename(self.run_folder, os.path.join(self.folder, "undisturbed"))
        return results

    def test_200_trials_through_55_faults(self):
        print(f"PLATEAU_CHAOS_SEED={self.seed}", flush=True)
        expected = self.undisturbed()
        self.assertEqual(len(expected), TRIALS)
        self.stand_in(steps=60, step_ms=40, checkpoint_steps=10)
        self.start_coordinator()
        for i in range(WORKERS):
            self.start_worker(f"node{i}")
        self.wait_for_running()
        faults = 0
        while faults < FAULTS and self.finished() < TRIALS - 4 * PACK:
            time.sleep(self.random.uniform(0.05, 0.5))
            self.one_fault(faults)
            faults += 1
        self.assertGreaterEqual(faults, 50, "the sweep ended before the faults did")
        self.assertEqual(self.coordinator.wait(240), 0, self.output("coordinator"))
        for worker in self.workers_by_name.values():
            worker.wait(30)
        print(f"faults {self.faults}, executions {self.attempts()}, allowed {self.allowed}",
              flush=True)
        self.assert_complete(TRIALS)
        self.assertEqual(self.results(), expected)
        self.assertLessEqual(self.attempts(), self.allowed)
        self.assertEqual(self.trainers(), [], "no trainer is left")
        # Work was resumed, not only repeated.
        self.assertGreater(
            self.count("SELECT count(*) FROM attempts WHERE attempt > 1 AND start_step > 0"), 0)


if __name__ == "__main__":
    harness.main()
