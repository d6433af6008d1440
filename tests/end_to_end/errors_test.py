"""Bad circumstances: one paragraph that says what to do, an exit code of its own, nothing lost."""
import os
import signal
import socket
import sqlite3
import subprocess

import harness
from harness import TRIALS


class Errors(harness.RunTest):
    def assert_one_paragraph(self, done, exit_code, *words):
        self.assertEqual(done.returncode, exit_code, done.stderr)
        last = [line for line in done.stderr.splitlines() if line.startswith("plateau: ")]
        self.assertEqual(len(last), 1, done.stderr)
        for word in words:
            self.assertIn(word, last[0])

    def test_a_locked_run_folder(self):
        self.stand_in(steps=1000, step_ms=20)
        run = self.start_sweep()
        self.wait_for_running()
        self.assert_one_paragraph(self.run_sweep(), 6, "in use", self.run_folder, str(run.pid),
                                  "--name")
        self.assertIsNone(run.poll(), "the first one was disturbed")
        run.send_signal(signal.SIGTERM)
        self.assertEqual(run.wait(harness.PATIENCE_S), 130)

    def test_a_run_folder_of_another_version(self):
        self.assertEqual(self.run_sweep().returncode, 0)
        path = os.path.join(self.run_folder, "plateau.db")
        connection = sqlite3.connect(path)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute("PRAGMA user_version = 999")
        connection.commit()
        connection.close()
        self.assert_one_paragraph(self.run_sweep(), 4, path, "version")
        for command in ("status", "why"):
            more = ("1",) if command == "why" else ()
            self.assertEqual(self.plateau(command, "small", *more).returncode, 4, command)
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
        connection.close()
        self.assert_complete()

    def test_a_database_that_is_none(self):
        os.makedirs(self.run_folder)
        with open(os.path.join(self.run_folder, "plateau.db"), "wb") as file:
            file.write(b"not a database" * 1000)
        self.assert_one_paragraph(self.run_sweep(), 4, "plateau.db")

    def test_a_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
            self.assert_one_paragraph(self.plateau("coordinator", self.sweep, "--bind", address), 6,
                                      address, "--bind")

    def test_an_address_that_is_none(self):
        self.assert_one_paragraph(self.plateau("coordinator", self.sweep, "--bind", "nowhere"), 2,
                                  "nowhere", "tcp://")

    def test_a_run_that_is_not_there(self):
        self.assertEqual(self.run_sweep().returncode, 0)
        self.assert_one_paragraph(self.plateau("status", "smal"), 3, "smal",
                                  "Did you mean 'small'?")
        self.assert_one_paragraph(self.plateau("why", "small", "99"), 3, "99", "1 to 8")

    def test_an_unknown_command_names_the_nearest(self):
        self.assert_one_paragraph(self.plateau("rum"), 2, "Did you mean 'run'?")

    def test_a_name_that_is_no_folder(self):
        self.assert_one_paragraph(self.run_sweep("--name", "../escape"), 2, "--name")

    def test_help_version_and_no_arguments(self):
        bare = self.plateau()
        self.assertEqual(bare.returncode, 0)
        self.assertIn("plateau run sweeps/quickstart.yaml", bare.stdout)
        version = self.plateau("--version")
        self.assertEqual(version.returncode, 0)
        self.assertRegex(version.stdout, r"^plateau \d+\.\d+\.\d+\n$")
        commands = ("run", "plan", "status", "why", "results", "coordinator", "worker", "schema")
        for command in commands:
            self.assertIn(f"  {command} ", bare.stdout)
            shown = self.plateau(command, "--help")
            self.assertEqual(shown.returncode, 0, command)
            self.assertIn("xit codes", shown.stdout, command)

    def test_a_full_disk_loses_no_finished_result(self):
        runs = os.path.join(self.folder, "runs")
        os.makedirs(runs)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2500k", "tmpfs", runs],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("mounting a small tmpfs needs root")
        self.addCleanup(subprocess.run, ["umount", "-l", runs], check=False)
        self.stand_in(steps=60, step_ms=10, checkpoint_steps=10)
        run = self.start_sweep()
        self.wait_until(lambda: self.finished() >= 1, "a first result")
        filler = os.open(os.path.join(runs, "filler"), os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(filler, b"x" * 4096)
        except OSError:
            pass  # Full.
        self.assertEqual(run.wait(harness.PATIENCE_S), 5, self.output())
        self.assertRegex(self.output(), "Free some .*space")
        self.wait_until(lambda: not self.workers() + self.trainers(), "no process is left", 15)
        before = self.query("SELECT trial, result_json FROM results ORDER BY trial")
        self.assertGreaterEqual(len(before), 1)
        self.assertLess(len(before), TRIALS)

        os.close(filler)  # An open file keeps its space.
        os.remove(os.path.join(runs, "filler"))
        done = self.run_sweep()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_complete()
        after = dict(self.query("SELECT trial, result_json FROM results"))
        for trial, result in before:
            self.assertEqual(after[trial], result)


if __name__ == "__main__":
    harness.main()
