"""Real processes in a folder of their own: a small sweep over a made-up base and task, trained by
the stand-in trainer, and what a test asks of the run's database afterwards."""
import json
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.environ.get("PLATEAU_BIN_DIR", "")
PLATEAU = os.path.join(BIN, "plateau")
STAND_IN = os.path.join(os.path.dirname(BIN), "tests", "stand-in-trainer")
# Far beyond what anything here needs: a test that waits so long has failed.
PATIENCE_S = 60

SWEEP = """
name: small
parameters:
  base: {path: base}
  task: {path: task, labels: [no, yes]}
  adapter: [lora, dora]
  rank: [1, 4]
  seed: [0, 1]
  epochs: 1
  batch_size: 2
  learning_rate: 1e-3
replicate: seed
"""
TRIALS = 8
# What a search has to choose from.
SEARCH_SPACE = """
parameters:
  base: {path: base}
  task: {path: task, labels: [no, yes]}
  adapter: [lora, dora]
  rank: {values: [1, 2, 4, 8]}
  learning_rate: {distribution: log_uniform_values, min: 1.0e-5, max: 1.0e-1}
  epochs: 1
  batch_size: 2
"""


def write_base(folder):
    os.makedirs(folder)
    config = {"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 32,
              "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
              "vocab_size": 100, "max_position_embeddings": 512, "type_vocab_size": 2,
              "layer_norm_eps": 1e-12, "hidden_act": "gelu", "hidden_dropout_prob": 0.0,
              "attention_probs_dropout_prob": 0.0}
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    with open(os.path.join(folder, "tokenizer.json"), "w", encoding="utf-8") as file:
        json.dump({"model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}}, file)
    header = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + b"\0\0\0\0")


def write_task(folder):
    os.makedirs(folder)
    for split in ("train", "validation", "test"):
        with open(os.path.join(folder, split + ".jsonl"), "w", encoding="utf-8") as file:
            for i in range(8):
                file.write(json.dumps({"sentence": f"{split} {i}", "label": i % 2}) + "\n")


class RunTest(unittest.TestCase):
    """One folder with a sweep, one environment; nothing of it is left behind."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="plateau-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        write_base(os.path.join(self.folder, "base"))
        write_task(os.path.join(self.folder, "task"))
        self.write_sweep(SWEEP)
        self.environment = dict(os.environ, PLATEAU_CACHE=os.path.join(self.folder, "cache"))
        self.watch_for_sanitizers()
        self.stand_in()
        self.processes = []
        self.addCleanup(self.kill_everything)

    def watch_for_sanitizers(self):
        """In a sanitizer build: whatever a process finds in itself fails the test. A process that is
        killed leaves nothing behind, so what it found would be lost with its exit code."""
        reports = os.path.join(self.folder, "sanitizer")
        for variable in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            given = self.environment.get(variable)
            self.environment[variable] = (given + ":" if given else "") + f"log_path={reports}"

        def nothing_found():
            for name in sorted(os.listdir(self.folder)):
                if name.startswith("sanitizer."):
                    with open(os.path.join(self.folder, name), encoding="utf-8") as file:
                        self.fail(f"{name}:\n{file.read()[:8000]}")

        self.addCleanup(nothing_found)

    def write_sweep(self, text):
        self.sweep = os.path.join(self.folder, "small.yaml")
        with open(self.sweep, "w", encoding="utf-8") as file:
            file.write(text)

    def stand_in(self, **behaviour):
        """How the stand-in trainer behaves: tests/support/stand_in_trainer.cc."""
        self.environment["PLATEAU_STAND_IN"] = json.dumps(behaviour)

    @property
    def run_folder(self):
        return os.path.join(self.folder, "runs", "small")

    # ---- processes ------------------------------------------------------------------------------

    def plateau(self, *arguments, **options):
        """Runs a command to its end."""
        options.setdefault("timeout", PATIENCE_S)
        return subprocess.run([PLATEAU, *arguments], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, check=False, **options)

    def run_arguments(self, *more):
        return ["run", self.sweep, "--trainer", STAND_IN, *more]

    def run_sweep(self, *more):
        return self.plateau(*self.run_arguments(*more))

    def start(self, *arguments, prefix=(), name="process"):
        """Starts a command in the background; its output goes to NAME.out in the folder."""
        with open(os.path.join(self.folder, name + ".out"), "ab") as out:
            process = subprocess.Popen([*prefix, PLATEAU, *arguments], cwd=self.folder,
                                       env=self.environment, stdout=out, stderr=out,
                                       stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def start_sweep(self, *more):
        return self.start(*self.run_arguments(*more), name="run")

    def output(self, name="run"):
        with open(os.path.join(self.folder, name + ".out"), encoding="utf-8") as file:
            return file.read()

    def pids(self, word):
        """Processes of this test whose command line has the word: all of them name our folder."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    command = file.read().decode(errors="replace").split("\0")
                with open(f"/proc/{entry}/environ", "rb") as file:
                    ours = self.folder.encode() in file.read()
                with open(f"/proc/{entry}/stat", encoding="utf-8") as file:
                    zombie = file.read().rsplit(")", 1)[1].split()[0] == "Z"
            except OSError:
                continue
            if ours and not zombie and any(word in part for part in command[:2]):
                found.append(int(entry))
        return found

    def workers(self):
        return self.pids("plateau-worker")

    def trainers(self):
        return self.pids("stand-in-trainer")

    def kill_everything(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for pid in self.workers() + self.trainers():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def wait_until(self, condition, what, patience_s=PATIENCE_S):
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        said = "".join(f"\n--- {name}\n{self.output(name[:-4])}"
                       for name in sorted(os.listdir(self.folder)) if name.endswith(".out"))
        self.fail(f"waited {patience_s} s in vain: {what}{said}")

    def make_keys(self, folder="keys"):
        """A coordinator's and a worker's keys; returns the options of the one and of the other."""
        made = self.plateau("keys", "new", "--keys", folder)
        self.assertEqual(made.returncode, 0, made.stderr)
        path = os.path.join(self.folder, folder)
        return ["--keys", path], ["--key", os.path.join(path, "worker.key")]

    # ---- the run's database ---------------------------------------------------------------------

    def query(self, sql, run_folder=None):
        path = os.path.join(run_folder or self.run_folder, "plateau.db")
        if not os.path.exists(path):
            return []
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []  # Its tables are being made.
        finally:
            connection.close()

    def count(self, sql):
        rows = self.query(sql)
        return rows[0][0] if rows else 0

    def finished(self):
        return self.count("SELECT count(*) FROM results")

    def wait_for_running(self, count=1):
        """Until trials are in a trainer, some steps along."""
        self.wait_until(
            lambda: self.count("SELECT count(*) FROM attempts WHERE started_ms > 0 AND end IS NULL")
            >= count, "trials are running")

    def assert_complete(self, trials=TRIALS):
        """Every trial has exactly one result, from its last attempt, with all its files."""
        self.assertEqual(self.count("SELECT count(*) FROM trials WHERE in_sweep = 1"), trials)
        self.assertEqual(
            self.count("SELECT count(*) FROM trials WHERE in_sweep = 1 AND state = 'finished'"),
            trials)
        self.assertEqual(self.count("SELECT count(*) FROM results"), trials)
        self.assertEqual(self.count("SELECT count(*) FROM attempts WHERE end IS NULL"), 0)
        # None was trained again after its result.
        self.assertEqual(
            self.query("SELECT a.trial FROM attempts a JOIN results r ON a.trial = r.trial "
                       "WHERE a.attempt > r.attempt"), [])
        for (folder,) in self.query("SELECT folder FROM trials WHERE in_sweep = 1"):
            for name in ("trial.json", "metrics.jsonl", "predictions.jsonl",
                         "adapter/adapter_config.json", "adapter/adapter_model.safetensors"):
                path = os.path.join(self.run_folder, folder, name)
                self.assertTrue(os.path.exists(path), path)
            for left in (".incoming", ".checkpoints"):
                self.assertFalse(os.path.exists(os.path.join(self.run_folder, folder, left)))

    def attempts(self):
        return self.count("SELECT count(*) FROM attempts")


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(77)


def main():
    for program in (PLATEAU, os.path.join(BIN, "plateau-worker"), STAND_IN):
        if not os.path.exists(program):
            skip(f"{program} is not built (PLATEAU_BIN_DIR says where the programs are)")
    unittest.main(verbosity=2)
