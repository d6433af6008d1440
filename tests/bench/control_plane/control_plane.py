"""Speed of the control plane: the real `plateau coordinator` and two noop-workers (real agents, a
trainer that does nothing), each trial's transitions committed to a SQLite file on the disk.

    control_plane.py BIN_DIR [--trials 100 1000 10000] [--slots 32] [--pack 1] [--repeats 3]
                     [--folder DIR] [--no-sync | --normal]

BIN_DIR is build/release/bin. Prints one line a run: see README.md for what the columns are.
"""
import argparse
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "end_to_end"))
import harness  # noqa: E402  (a made-up base and task)

PATIENCE_S = 170


def grid(trials):
    """Ten ranks and as many learning rates and alphas as it takes: no seeds, so cells = trials."""
    rates = min(trials // 10, 100)
    alphas = max(trials // 1000, 1)
    return {"rank": list(range(1, 11)),
            "learning_rate": [float(f"{1e-5 * (i + 1):.6g}") for i in range(rates)],
            "alpha": [i + 1 for i in range(alphas)]}


def write_sweep(folder, trials):
    parameters = {"base": {"path": "base"}, "task": {"path": "task", "labels": ["no", "yes"]},
                  "adapter": ["lora"], "epochs": 1, "batch_size": 2, **grid(trials)}
    path = os.path.join(folder, "bench.yaml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"name": "bench", "parameters": parameters}, file)  # JSON is YAML
    return path


def memory_mb(pid, what):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith(what):
                return int(line.split()[1]) / 1024
    return 0.0


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(path, words):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if words in text:
            return text
        time.sleep(0.001)
    sys.exit(f"waited in vain for '{words}':\n{text}")


def no_sync(folder):
    """A library that turns the coordinator's disk syncs off: shows what the disk costs, and bounds
    synchronous=NORMAL from above, which syncs at checkpoints alone."""
    source = os.path.join(folder, "no_sync.c")
    library = os.path.join(folder, "no_sync.so")
    with open(source, "w", encoding="utf-8") as file:
        for name in ("fsync", "fdatasync"):
            file.write(f"int {name}(int file) {{ return (void)file, 0; }}\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


class Run:
    """One sweep in a folder of its own, from submission to its last result."""

    def __init__(self, options, trials):
        self.options, self.trials = options, trials
        self.folder = tempfile.mkdtemp(prefix="plateau-bench-", dir=options.folder)
        self.environment = dict(os.environ, PLATEAU_CACHE=os.path.join(self.folder, "cache"))
        harness.write_base(os.path.join(self.folder, "base"))
        harness.write_task(os.path.join(self.folder, "task"))
        self.sweep = write_sweep(self.folder, trials)
        self.workers = []

    def program(self, name):
        return os.path.join(self.options.bin, name)

    def start(self, command, name, more=()):
        with open(os.path.join(self.folder, name + ".out"), "wb") as out:
            return subprocess.Popen(command, cwd=self.folder,
                                    env=dict(self.environment, **dict(more)),
                                    stdout=subprocess.DEVNULL, stderr=out)

    def submit(self):
        """Starts the coordinator; seconds until everything is committed and it listens."""
        more = {"LD_PRELOAD": no_sync(self.folder)} if self.options.no_sync else {}
        begun = time.monotonic()
        self.coordinator = self.start(
            [self.program("plateau"), "coordinator", self.sweep, "--bind", "tcp://127.0.0.1:*",
             "--plain", *(["--bench-synchronous-normal"] if self.options.normal else [])],
            "coordinator", more)
        text = wait_for(os.path.join(self.folder, "coordinator.out"), "Listening on ")
        self.address = text.split("Listening on ")[1].split(". Start")[0]
        return time.monotonic() - begun

    def start_worker(self, number):
        options = self.options
        self.workers.append(self.start(
            [self.program("noop-worker"), str(options.slots), "--connect", self.address,
             "--folder", os.path.join(self.folder, f"worker{number}"), "--name", f"w{number}",
             "--devices", "cpu", "--pack", str(options.pack), "--trainer", "/bin/true"],
            f"worker{number}"))

    def query(self, sql):
        path = os.path.join(self.folder, "runs", "bench", "plateau.db")
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as connection:
            return connection.execute(sql).fetchone()

    def status_ms(self):
        times = []
        for _ in range(5):
            begun = time.monotonic()
            subprocess.run([self.program("plateau"), "status", "bench"], cwd=self.folder,
                           env=self.environment, stdout=subprocess.DEVNULL, check=True)
            times.append(1000 * (time.monotonic() - begun))
        return statistics.median(times)

    def measure(self):
        result = {"trials": self.trials, "submit_s": self.submit()}
        pid = self.coordinator.pid
        result["submit_cpu_s"] = cpu_s(pid)
        result["rss_submitted_mb"] = memory_mb(pid, "VmRSS")
        result["peak_submitted_mb"] = memory_mb(pid, "VmHWM")
        result["status_ms"] = self.status_ms()
        for number in range(2):
            self.start_worker(number)
        rss = 0.0
        deadline = time.monotonic() + PATIENCE_S
        while self.query("SELECT count(*) FROM results")[0] < self.trials:
            rss = max(rss, memory_mb(pid, "VmRSS"))
            if time.monotonic() > deadline or self.coordinator.poll() is not None:
                break
            time.sleep(0.05 if self.trials <= 10000 else 0.25)
        result["coordinator_us"] = 1e6 * (cpu_s(pid) - result["submit_cpu_s"]) / self.trials
        result["workers_us"] = 1e6 * sum(cpu_s(each.pid) for each in self.workers) / self.trials
        first, last, count = self.query(
            "SELECT (SELECT min(assigned_ms) FROM attempts), max(accepted_ms), count(*) "
            "FROM results")
        result["rss_running_mb"] = rss
        result["per_s"] = 1000 * count / max(last - first, 1)
        result["complete"] = count == self.trials
        return result

    def close(self):
        for process in [self.coordinator, *self.workers]:
            if process.poll() is None:
                process.kill()
            process.wait()
        if not self.options.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin")
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--slots", type=int, default=32)
    parser.add_argument("--pack", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--no-sync", action="store_true")
    parser.add_argument("--normal", action="store_true", help="synchronous=NORMAL")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    print(f"load {os.getloadavg()[0]:.1f}; 2 workers x {options.slots} slots x {options.pack}; "
          f"{'no disk syncs' if options.no_sync else 'synchronous='}"
          f"{'' if options.no_sync else 'NORMAL' if options.normal else 'FULL'}")
    print("trials   per_s coord_us work_us  submit_s  cpu_s  rss_mb  peak_mb  status_ms")
    for _ in range(options.repeats):
        for trials in options.trials:
            run = Run(options, trials)
            try:
                got = run.measure()
            finally:
                run.close()
            print(f"{trials:6d} {got['per_s']:7.0f} {got['coordinator_us']:8.0f} "
                  f"{got['workers_us']:7.0f} {got['submit_s']:9.2f} {got['submit_cpu_s']:6.2f} "
                  f"{got['rss_running_mb']:7.0f} {got['peak_submitted_mb']:8.0f} "
                  f"{got['status_ms']:10.1f}" + ("" if got["complete"] else "  INCOMPLETE"),
                  flush=True)


if __name__ == "__main__":
    main()
