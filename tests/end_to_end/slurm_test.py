"""worker/slurm.sbatch under a real Slurm on this machine: nodes die, jobs are cancelled, and time runs out."""
import os
import shutil
import socket
import subprocess
import time

import harness

SCRIPT = os.path.join(os.environ.get("PLATEAU_SOURCE_DIR", ""), "worker", "slurm.sbatch")
SHARED = os.environ.get("PLATEAU_SHARED") or os.path.join(os.environ.get("PLATEAU_SOURCE_DIR", ""), "..", "shared")
RIG = os.path.join(SHARED, "rigs", "slurm-cluster")
START_PATIENCE_S = 120
SWEEP = harness.SWEEP.replace("[lora, dora]", "lora").replace("[1, 4]", "1").replace("[0, 1]", "[0, 1, 2, 3, 4]")
TRIALS = 5
STEPS = 700


class Slurm(harness.RunTest):
    @classmethod
    def setUpClass(cls):
        cls.rig = dict(os.environ, SLURM_RIG_DIR=f"/tmp/plateau-slurm-{os.getpid()}", SLURM_RIG_NODES="3",
                       SLURM_RIG_ACCT="0", SLURM_RIG_PORT="16950")
        cls.addClassCleanup(cls.cluster, "stop")
        said = cls.cluster("start").stdout
        cls.rig["SLURM_CONF"] = said.split("SLURM_CONF=", 1)[1].split()[0].strip("'\"")

    @classmethod
    def cluster(cls, *words):
        return subprocess.run([RIG, *words], env=cls.rig, capture_output=True, text=True, check=True,
                              timeout=START_PATIENCE_S)

    def setUp(self):
        super().setUp()
        self.write_sweep(SWEEP)
        self.stand_in(steps=STEPS, step_ms=10, checkpoint_steps=25)
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        self.environment |= {"PLATEAU_COORDINATOR": address, "PLATEAU": harness.PLATEAU,
                             "SLURM_CONF": self.rig["SLURM_CONF"], "XDG_STATE_HOME": self.folder}
        self.coordinator = self.start("coordinator", self.sweep, "--bind", address, name="coordinator")
        self.addCleanup(self.slurm, "scancel", "--user=root", "--full")

    def slurm(self, *words):
        return subprocess.run(words, env=self.environment, cwd=self.folder, capture_output=True, text=True,
                              check=True).stdout

    def submit(self, *options):
        """The number of the job; its worker has the stand-in trainer."""
        said = self.slurm("sbatch", "--parsable", "--export=ALL", "--cpus-per-task=1", *options, SCRIPT, "--trainer",
                          harness.STAND_IN, "--devices", "cpu", "--pack", "1", "--give-up", "5s")
        return said.strip()

    def state(self, job):
        words = self.slurm("scontrol", "show", "job", job).split()
        return {word.split("=", 1)[0]: word.split("=", 1)[1] for word in words if "=" in word}

    def test_a_dead_node_and_a_cancelled_job_lose_nothing(self):
        self.submit("--array=0-1")
        cut = self.submit("--array=0")
        # Slurm may start the jobs seconds apart: each must be in a trial that has a checkpoint and is far from its end.
        midway = ("SELECT count(*) FROM attempts a JOIN checkpoints c ON a.trial = c.trial AND a.attempt = c.attempt "
                  f"WHERE a.end IS NULL AND c.step <= {STEPS // 2}")
        self.wait_until(lambda: self.count(midway) == 3, "three trials are midway")
        worker = self.slurm("squeue", "--noheader", "--format=%A %N %i").splitlines()
        node = next(line.split()[1] for line in worker if line.split()[2] == cut + "_0")
        self.cluster("kill-node", node)
        other = next(line.split()[2] for line in worker if line.split()[2] != cut + "_0")
        self.slurm("scancel", other)
        handed_back = "SELECT count(*) FROM attempts WHERE end = 'handed back'"
        self.wait_until(lambda: self.count(handed_back) == 1, "the cancelled worker hands its trial back")
        self.wait_until(lambda: self.coordinator.poll() is not None, "the sweep ends")
        self.assertEqual(self.coordinator.returncode, 0)
        self.assert_complete(TRIALS)
        # A trial handed back may be given to the dead node once, until it is known to be dead.
        resumed = self.count("SELECT count(DISTINCT trial) FROM attempts WHERE attempt > 1 AND start_step > 0")
        self.assertEqual(resumed, 2, "both went on from a checkpoint")
        # Slurm signals every process of a job: a trainer that fell to it would be a crash, and charged.
        self.assertEqual(self.query("SELECT end, message FROM attempts WHERE end LIKE 'crashed%'"), [])
        self.assertEqual(self.count("SELECT sum(charged) FROM trials"), 0)

    def test_a_worker_ends_before_its_time_is_over(self):
        self.stand_in(steps=60000, step_ms=10, checkpoint_steps=25)
        job = self.submit("--array=0", "--time=1", "--signal=B:CONT@1")  # no help from Slurm's signal
        self.wait_for_running()
        began = time.monotonic()
        self.wait_until(lambda: self.state(job)["JobState"] not in ("RUNNING", "COMPLETING"), "the job ends", 120)
        self.assertLess(time.monotonic() - began, 60)
        self.assertEqual(self.state(job)["JobState"], "COMPLETED")
        self.assertEqual(self.query("SELECT end FROM attempts"), [("handed back",)])
        self.assertGreater(self.count("SELECT max(step) FROM checkpoints"), 0)


if __name__ == "__main__":
    if not os.path.exists(RIG):
        harness.skip(f"{RIG} is not here: it starts a real Slurm on one machine")
    if shutil.which("slurmctld", path="/usr/sbin:" + os.environ["PATH"]) is None or os.getuid() != 0:
        harness.skip("needs root and Slurm (apt-get install slurmctld slurmd slurm-client munge)")
    harness.main()
