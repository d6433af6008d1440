"""How long a loss takes to be seen and mended, by the clocks of the real processes: the time of the
fault here, and the times that the coordinator commits. A bound is tried at most three times, since
a machine that is busy with something else is late for reasons of its own; without the mechanism
that the bound is about it is not met at all."""
import os
import shutil
import signal
import socket
import time

import harness

TRIES = 3
ONE_TRIAL = """
name: small
parameters:
  base: {path: base}
  task: {path: task, labels: [no, yes]}
  adapter: lora
  rank: 1
  seed: SEEDS
  epochs: 1
  batch_size: 2
  learning_rate: 1e-3
replicate: seed
"""


class Recovery(harness.RunTest):
    def setUp(self):
        super().setUp()
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        self.sweep_of(2)
        # Half a minute of training with a checkpoint every quarter of a second.
        self.stand_in(steps=3000, step_ms=10, checkpoint_steps=25)

    def sweep_of(self, trials):
        self.write_sweep(ONE_TRIAL.replace("SEEDS", str(list(range(trials)))))

    def start_coordinator(self, *more):
        return self.start("coordinator", self.sweep, "--bind", self.address, *more,
                          name="coordinator")

    def start_worker(self, name, *more):
        return self.start("worker", "--connect", self.address, "--name", name, "--devices", "cpu",
                          "--pack", "1", "--trainer", harness.STAND_IN, "--folder",
                          os.path.join(self.folder, name), *more, name=name)

    def wait_for_checkpoint(self, condition="1"):
        """Until a trial that runs has one at the coordinator; its number and attempt."""
        return self.wait_until(
            lambda: self.query("SELECT c.trial, a.attempt FROM checkpoints c JOIN attempts a "
                               "ON a.trial = c.trial AND a.attempt = c.attempt "
                               f"WHERE a.end IS NULL AND a.started_ms > 0 AND {condition}"),
            "a checkpoint of a trial that runs")[0]

    def assert_within(self, bound_ms, measure, what):
        taken = []
        while len(taken) < TRIES:
            taken.append(measure())
            if taken[-1] <= bound_ms:
                break
        print(f"{what}: {taken} ms, the bound is {bound_ms}", flush=True)
        self.assertLessEqual(taken[-1], bound_ms, f"{what}: {taken}")

    def next_attempt(self, trial, attempt, killed_ms):
        """Until the trial runs again; how long after the fault it was queued, and it ran."""
        ended, started, step = self.wait_until(
            lambda: self.query(
                "SELECT a.ended_ms, b.started_ms, b.start_step FROM attempts a JOIN attempts b "
                "ON a.trial = b.trial AND b.attempt = a.attempt + 1 "
                f"WHERE a.trial = {trial} AND a.attempt = {attempt} AND b.started_ms > 0"),
            "the trial runs again")[0]
        self.assertGreater(step, 0, "it did not go on from its checkpoint")
        return ended - killed_ms, started - killed_ms

    def newest_step(self, trial):
        return self.count(f"SELECT step FROM checkpoints WHERE trial = {trial}")

    # ---- promise 3: trainers and workers --------------------------------------------------------

    def test_a_killed_trainer(self):
        self.start_sweep("--pack", "1")

        def measure():
            trial, attempt = self.wait_for_checkpoint()
            before = self.newest_step(trial)
            killed_ms = time.time() * 1000
            os.kill(self.trainers()[0], signal.SIGKILL)
            queued, running = self.next_attempt(trial, attempt, killed_ms)
            self.assertGreaterEqual(self.count(
                f"SELECT start_step FROM attempts WHERE trial = {trial} AND "
                f"attempt = {attempt + 1}"), before, "an older checkpoint than the newest")
            print(f"trainer killed: queued after {queued:.0f} ms, running after {running:.0f} ms")
            return round(running)

        self.assert_within(500, measure, "a killed trainer's trial runs again")

    def test_a_killed_worker_of_this_host(self):
        self.start_sweep("--pack", "1")

        def measure():
            if measured:
                time.sleep(11)  # One that dies young again and again is given up.
            measured.append(True)
            trial, attempt = self.wait_for_checkpoint()
            trainers = self.trainers()
            killed_ms = time.time() * 1000
            os.kill(self.workers()[0], signal.SIGKILL)
            self.wait_until(lambda: not set(trainers) & set(self.trainers()), "no orphan is left",
                            2)
            print(f"worker killed: no trainer of it after {time.time() * 1000 - killed_ms:.0f} ms")
            queued, running = self.next_attempt(trial, attempt, killed_ms)
            print(f"worker killed: queued after {queued:.0f} ms, running after {running:.0f} ms")
            return round(running)

        measured = []
        self.assert_within(500, measure, "a killed local worker's trial runs again")

    def test_a_hung_trainer_dies_with_its_worker(self):
        """It reads its pipe no more, so only the kernel can tell it. Tried: without the
        parent-death signal in worker/runner/process.cc it stays."""
        self.stand_in(steps=3000, step_ms=10, checkpoint_steps=25,
                      faults=[{"kind": "hang", "trial": 0, "step": 30, "attempts": 1}])
        self.start_sweep("--pack", "1")
        self.wait_for_checkpoint()
        time.sleep(0.5)
        trainers = self.trainers()
        os.kill(self.workers()[0], signal.SIGKILL)
        self.wait_until(lambda: not set(trainers) & set(self.trainers()), "no orphan is left", 5)

    def silent_worker(self, lease_ms):
        """A worker that says nothing any more and takes its disk along: the milliseconds until its
        trial is queued again."""
        self.sweep_of(1)
        workers = {name: self.start_worker(name) for name in ("left", "right")}
        self.start_coordinator("--lease-ms", str(lease_ms))
        trial, attempt = self.wait_for_checkpoint()
        node = self.query(f"SELECT node FROM attempts WHERE trial = {trial}")[0][0]
        frozen_ms = time.time() * 1000
        workers[node].send_signal(signal.SIGSTOP)
        shutil.rmtree(os.path.join(self.folder, node), ignore_errors=True)
        queued, running = self.next_attempt(trial, attempt, frozen_ms)
        self.assertEqual(
            self.query(f"SELECT end FROM attempts WHERE trial = {trial} AND attempt = {attempt}"),
            [("worker lost",)])
        elsewhere = self.query(
            f"SELECT node FROM attempts WHERE trial = {trial} AND attempt = {attempt + 1}")[0][0]
        self.assertNotEqual(elsewhere, node)
        print(f"silent for a lease of {lease_ms} ms: queued after {queued:.0f} ms, running "
              f"elsewhere after {running:.0f} ms", flush=True)
        # A heartbeat before it fell silent may have been up to a second old: earlier is no fault.
        self.assertGreater(queued, lease_ms - 1500)
        # The promise itself, with nothing added. Tried: without kTickMaxMs in worker_events.cc two of
        # six were 34 and 54 ms late, those whose last heartbeat was young.
        self.assertLessEqual(queued, lease_ms)

    def test_a_silent_worker_with_the_usual_lease(self):
        self.silent_worker(10_000)

    def test_a_silent_worker_with_a_lease_of_two_seconds(self):
        self.silent_worker(2_000)

    def test_a_removed_key_frees_its_trials_at_once(self):
        """Tried: without Gateway::take_lost they wait for the lease of 30 s."""
        self.sweep_of(1)
        keys, _ = self.make_keys()
        made = self.plateau("keys", "add", "stolen", *keys)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.start_coordinator(*keys, "--lease-ms", "30000")
        thief = self.start_worker("thief", "--key", os.path.join(keys[1], "stolen.key"),
                                  "--give-up", "60s")
        trial, attempt = self.wait_for_checkpoint()
        self.start_worker("left", "--key", os.path.join(keys[1], "worker.key"))
        self.wait_until(lambda: self.count(
            "SELECT count(*) FROM notes WHERE text LIKE 'worker left % came with%'"), "left came")
        removed_ms = time.time() * 1000
        self.assertEqual(self.plateau("keys", "remove", "stolen", *keys).returncode, 0)
        queued, running = self.next_attempt(trial, attempt, removed_ms)
        print(f"key removed: queued after {queued:.0f} ms, running after {running:.0f} ms")
        self.assertLess(queued, 3000)
        self.assertIsNone(thief.poll())
        told = self.plateau("why", "small", str(trial)).stdout
        self.assertIn("its key was taken off the list", told)

    # ---- promise 4: the coordinator -------------------------------------------------------------

    def adopted_after(self, coordinator, workers):
        """Kills the coordinator and starts it again with the same command: the milliseconds from
        the start of its process to the commit that knows all workers again."""
        seen = self.count("SELECT max(id) FROM notes")
        held = self.query("SELECT trial, attempt FROM attempts WHERE end IS NULL ORDER BY trial")
        coordinator.kill()
        coordinator.wait()
        started_ms = time.time() * 1000
        self.start_coordinator("--lease-ms", "10000")
        came = self.wait_until(
            lambda: (lambda rows: rows if len(rows) >= workers else None)(self.query(
                f"SELECT wall_ms FROM notes WHERE id > {seen} AND text LIKE 'worker % came with%'")),
            "the workers are known again")
        self.assertEqual(
            self.query("SELECT trial, attempt FROM attempts WHERE end IS NULL ORDER BY trial"), held,
            "what ran goes on as the attempt that it was")
        return round(max(row[0] for row in came) - started_ms)

    def test_a_killed_coordinator_adopts_what_runs(self):
        coordinator = self.start_coordinator("--lease-ms", "10000")
        for name in ("left", "right"):
            self.start_worker(name)
        self.wait_for_running(2)
        trainers = self.trainers()

        def measure():
            taken = self.adopted_after(self.processes[-1] if measured else coordinator, 2)
            measured.append(taken)
            return taken

        measured = []
        self.assert_within(1000, measure, "a restarted coordinator adopts two workers")
        self.assertEqual(self.trainers(), trainers, "no trainer was killed or begun anew")
        self.assertEqual(self.attempts(), 2)

    def test_a_killed_coordinator_of_ten_thousand_trials_adopts_what_runs(self):
        """Tried: with a Session::load that always plans the sweep it takes 11 s (at a load of 20)."""
        self.sweep_of(10_000)
        coordinator = self.start_coordinator("--lease-ms", "10000")
        for name in ("left", "right"):
            self.start_worker(name)
        self.wait_for_running(2)
        trainers = self.trainers()
        measured = [coordinator]

        def measure():
            taken = self.adopted_after(measured[-1], 2)
            measured.append(self.processes[-1])
            return taken

        self.assert_within(1000, measure, "a coordinator of 10,000 trials adopts two workers")
        self.assertEqual(self.trainers(), trainers, "no trainer was killed or begun anew")
        self.assertEqual(self.attempts(), 2)

    def test_a_worker_whose_coordinator_stays_away_keeps_its_result(self):
        self.sweep_of(1)
        self.stand_in(steps=200, step_ms=10, checkpoint_steps=50)
        coordinator = self.start_coordinator()
        worker = self.start_worker("left", "--give-up", "2s")
        self.wait_for_running(1)
        coordinator.kill()
        coordinator.wait()
        self.assertEqual(worker.wait(harness.PATIENCE_S), 7, self.output("left"))
        self.assertEqual(self.trainers(), [])
        self.assertEqual(self.finished(), 0)
        coordinator = self.start_coordinator()
        self.start_worker("left")
        self.assertEqual(coordinator.wait(harness.PATIENCE_S), 0, self.output("coordinator"))
        self.assertEqual(self.finished(), 1)
        self.assertEqual(self.attempts(), 1, "what was finished was trained again")

    # ---- promise 7: the story of a trial ---------------------------------------------------------

    def test_why_tells_waits_crashes_and_preemptions_in_their_order(self):
        self.sweep_of(1)
        self.start_coordinator()
        self.wait_until(lambda: self.count("SELECT count(*) FROM trials"), "the trial is stored")
        time.sleep(1.5)
        told = self.plateau("why", "small", "1").stdout
        self.assertRegex(told, r"It was never sent to a worker\.\n  It waits since \d+ s: 0 queued "
                               r"trials before it, 0 running\.")
        left = self.start_worker("left", "--grace", "5s")
        self.wait_for_checkpoint()
        os.kill(self.trainers()[0], signal.SIGKILL)
        self.wait_for_checkpoint("a.attempt = 2")
        left.send_signal(signal.SIGTERM)
        left.wait(harness.PATIENCE_S)
        time.sleep(1.2)
        self.start_worker("right")
        self.wait_for_checkpoint("a.attempt = 3")
        told = self.plateau("why", "small", "1").stdout
        at = 0
        for said in ("is running", "it is queued", "(the run: worker left",
                     "attempt 1 goes to left, slot 0, after it waited", "no worker took trials",
                     "attempt 1 begins", "attempt 1 ends: crashed alone (counted against the trial)",
                     "SIGKILL", "attempt 2 goes to left, slot 0",
                     "attempt 2 goes on from the checkpoint of step",
                     "attempt 2 ends: handed back", "(the run: worker right",
                     "attempt 3 goes to right, slot 0, alone in its trainer, after it",
                     "Attempt 3 on right goes on since"):
            found = told.find(said, at)
            self.assertGreaterEqual(found, at, f"'{said}' is missing or out of order in\n{told}")
            at = found
        print(told)

    # ---- promise 5: preemption and walltime -----------------------------------------------------

    def assert_handed_back(self, worker, within_s, begun):
        self.assertEqual(worker.wait(harness.PATIENCE_S), 0, self.output("left"))
        took = time.monotonic() - begun
        self.assertLess(took, within_s)
        self.assertEqual(
            self.query("SELECT end, charged FROM attempts ORDER BY attempt"), [("handed back", 0)])
        self.assertGreater(self.newest_step(1), 0)
        self.start_worker("right")
        self.wait_until(lambda: self.count("SELECT start_step FROM attempts WHERE attempt = 2"),
                        "it goes on from its checkpoint on another worker")
        self.assertEqual(self.count("SELECT charged FROM trials WHERE id = 1"), 0)
        return took

    def preempted(self, number):
        self.sweep_of(1)
        self.start_coordinator()
        worker = self.start_worker("left", "--grace", "5s")
        self.wait_for_running(1)
        begun = time.monotonic()
        worker.send_signal(number)
        took = self.assert_handed_back(worker, 5, begun)
        print(f"{signal.Signals(number).name}: handed back and gone after {took:.2f} s, "
              "the grace time is 5 s", flush=True)

    def test_sigterm_hands_back_within_the_grace_time(self):
        self.preempted(signal.SIGTERM)

    def test_sigusr1_hands_back_within_the_grace_time(self):
        self.preempted(signal.SIGUSR1)

    def test_until_hands_back_in_time(self):
        self.sweep_of(1)
        self.start_coordinator()
        begun = time.monotonic()
        worker = self.start_worker("left", "--until", "5s", "--grace", "3s")
        self.wait_for_running(1)
        self.assert_handed_back(worker, 5, begun)

    def test_until_starts_nothing_that_it_could_not_checkpoint(self):
        self.sweep_of(1)
        self.start_coordinator()
        worker = self.start_worker("left", "--until", "2s", "--grace", "2s")
        self.assertEqual(worker.wait(harness.PATIENCE_S), 0, self.output("left"))
        self.assertEqual(self.count("SELECT count(*) FROM attempts WHERE started_ms > 0"), 0)


if __name__ == "__main__":
    harness.main()
