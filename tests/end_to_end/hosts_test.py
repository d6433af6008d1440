"""A coordinator and two workers on three hosts (network namespaces): one is cut off and healed."""
import os
import signal
import subprocess
import time

import harness
from harness import TRIALS

NETNS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support", "netns")
SET = f"e2e{os.getpid()}"
LEASE_MS = 2000


def netns(*arguments):
    return subprocess.run([NETNS, SET, *arguments], capture_output=True, text=True, timeout=30,
                          check=False)


class Hosts(harness.RunTest):
    def setUp(self):
        super().setUp()
        made = netns("create", "3")
        self.assertEqual(made.returncode, 0, made.stderr)
        # Cleaning up goes backwards: first the processes, then their hosts.
        self.addCleanup(netns, "destroy")
        self.addCleanup(self.kill_everything)
        self.keys, self.key = self.make_keys()
        self.address = f"tcp://{netns('addr', '1').stdout.strip()}:5800"

    def on_host(self, host, *arguments, name):
        return self.start(*arguments, prefix=(NETNS, SET, "exec", str(host)), name=name)

    def start_coordinator(self):
        return self.on_host(1, "coordinator", self.sweep, "--bind", self.address, "--lease-ms",
                            str(LEASE_MS), *self.keys, name="coordinator")

    def start_worker(self, host):
        return self.on_host(host, "worker", "--connect", self.address, *self.key, "--name",
                            f"host{host}",
                            "--devices", "cpu", "--pack", "1", "--trainer", harness.STAND_IN,
                            "--folder", os.path.join(self.folder, f"worker{host}"),
                            name=f"worker{host}")

    def nodes(self, condition="1"):
        return {row[0] for row in self.query(f"SELECT node FROM attempts WHERE {condition}")}

    def test_two_workers_share_the_sweep(self):
        self.stand_in(steps=20, step_ms=10)
        coordinator = self.start_coordinator()
        workers = [self.start_worker(2), self.start_worker(3)]
        self.assertEqual(coordinator.wait(harness.PATIENCE_S), 0, self.output("coordinator"))
        self.assert_complete()
        self.assertEqual(self.attempts(), TRIALS)
        self.assertEqual(self.nodes(), {"host2", "host3"})
        for worker in workers:
            self.assertEqual(worker.wait(15), 0)

    def test_a_host_that_is_cut_off_loses_its_trial_to_the_other_and_comes_back(self):
        self.stand_in(steps=300, step_ms=10, checkpoint_steps=50)
        coordinator = self.start_coordinator()
        workers = [self.start_worker(2), self.start_worker(3)]
        self.wait_for_running(2)
        cut_ms = time.time() * 1000
        self.assertEqual(netns("cut", "2").returncode, 0)
        (ended_ms,) = self.wait_until(
            lambda: self.query("SELECT ended_ms FROM attempts WHERE node = 'host2' AND "
                               "end = 'worker lost'"), "the silent host is taken for lost")[0]
        print(f"cut off: queued again after {ended_ms - cut_ms:.0f} ms, the lease is {LEASE_MS} ms",
              flush=True)
        self.assertLessEqual(ended_ms - cut_ms, LEASE_MS)
        self.assertEqual(netns("heal", "2").returncode, 0)
        self.assertEqual(coordinator.wait(harness.PATIENCE_S), 0, self.output("coordinator"))
        self.assert_complete()
        # It worked again after it was healed.
        self.assertIn("host2", self.nodes("end = 'finished'"))
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
            worker.wait(15)

    def test_a_line_with_delay_and_loss_loses_nothing(self):
        slow = netns("slow", "2", "50", "5")
        self.assertEqual(slow.returncode, 0, slow.stderr)
        # Long enough that the quick host does not finish all of them while the slow one is let in.
        self.stand_in(steps=200, step_ms=10, checkpoint_steps=50)
        coordinator = self.start_coordinator()
        for host in (2, 3):
            self.start_worker(host)
        self.assertEqual(coordinator.wait(harness.PATIENCE_S), 0, self.output("coordinator"))
        self.assert_complete()
        self.assertIn("host2", self.nodes("end = 'finished'"))

    def test_a_coordinator_that_was_killed_comes_back_to_its_workers(self):
        self.stand_in(steps=100, step_ms=10, checkpoint_steps=50)
        coordinator = self.start_coordinator()
        workers = [self.start_worker(2), self.start_worker(3)]
        self.wait_for_running(2)
        coordinator.kill()
        coordinator.wait()
        # `netns exec` became the coordinator, so that it is gone now.
        coordinator = self.start_coordinator()
        self.assertEqual(coordinator.wait(harness.PATIENCE_S), 0, self.output("coordinator"))
        self.assert_complete()
        self.assertEqual(self.attempts(), TRIALS)
        for worker in workers:
            self.assertEqual(worker.wait(15), 0)


if __name__ == "__main__":
    made = netns("create", "1")
    if made.returncode == 77:
        harness.skip(made.stderr)
    netns("destroy")
    harness.main()
