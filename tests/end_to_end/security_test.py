"""Nobody let in: a coordinator and a worker on two hosts (network namespaces), a stranger on a third.

Tried with mechanisms taken out: with --insecure on both ends the capture is full of what is looked
for (that is a test here); the stranger's keys get in when the gatekeeper answers 200 to all and the
router asks it for nothing (tests/common/transport/gate_test.cc)."""
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time

import harness
from harness import TRIALS

HERE = os.path.dirname(os.path.abspath(__file__))
NETNS = os.path.join(HERE, "..", "support", "netns")
SET = f"sec{os.getpid()}"
PORT = 5800
# What the coordinator may grow by while strangers knock: 64 half-open connections hold up at most a
# frame of 1 MiB each. Measured: from 15 to 18 MiB.
RSS_GROWTH_MIB = 70


def netns(*arguments):
    return subprocess.run([NETNS, SET, *arguments], capture_output=True, text=True, timeout=30,
                          check=False)


def enter(host):
    """This process goes to the host: for children only."""
    with open(f"/run/netns/{SET}-host{host}", "rb") as file:
        if not hasattr(os, "setns"):
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(file.fileno(), 0x40000000) != 0:  # CLONE_NEWNET
                raise OSError(ctypes.get_errno(), "setns")
        else:
            os.setns(file.fileno(), 0x40000000)


def tcp_payload(frame):
    """(source port, bytes) of an Ethernet frame with TCP over IPv4; None for every other."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    ip = 14 + (frame[14] & 15) * 4
    end = 14 + struct.unpack("!H", frame[16:18])[0]
    data = ip + (frame[ip + 12] >> 4) * 4
    return struct.unpack("!H", frame[ip:ip + 2])[0], frame[data:end]


class Capture:
    """Everything that passes the first host's network card, as two streams of bytes."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "capture")
        self.pid = os.fork()
        if self.pid == 0:
            self.record()

    def record(self):
        try:
            enter(1)
            card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
            card.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
            card.bind(("eth0", 0))
            with open(self.path + ".in", "wb") as into, open(self.path + ".out", "wb") as out:
                open(self.path + ".ready", "wb").close()
                while True:
                    found = tcp_payload(card.recv(1 << 17))
                    if found:
                        stream = out if found[0] == PORT else into
                        stream.write(found[1])
                        stream.flush()
        finally:
            os._exit(1)

    def stop(self):
        """(what went to the coordinator, what it said)"""
        time.sleep(0.5)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        streams = []
        for name in (".in", ".out"):
            with open(self.path + name, "rb") as file:
                streams.append(file.read())
        return streams


def knock(address, data, hold_s=0.0):
    """One stranger's connection; what becomes of it is the coordinator's business."""
    try:
        with socket.create_connection((address, PORT), timeout=5) as line:
            line.sendall(data)
            time.sleep(hold_s)
    except OSError:
        pass


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + bytes(32)


def giant(greeting=GREETING):
    """A greeting, then a frame whose header promises 2^62 bytes."""
    return greeting + b"\x06" + struct.pack("!Q", 1 << 62) + bytes(1 << 16)


def command_of_a_megabyte():
    """As large as a frame may be, and the end never comes."""
    return GREETING + b"\x06" + struct.pack("!Q", 1 << 20) + bytes((1 << 20) - 1)


class Security(harness.RunTest):
    def setUp(self):
        super().setUp()
        made = netns("create", "3")
        self.assertEqual(made.returncode, 0, made.stderr)
        self.addCleanup(netns, "destroy")
        self.addCleanup(self.kill_everything)
        self.host = netns("addr", "1").stdout.strip()
        self.address = f"tcp://{self.host}:{PORT}"
        self.keys, self.key = self.make_keys("sweep-keys")  # not where they are looked for unasked

    def on_host(self, host, *arguments, name):
        return self.start(*arguments, prefix=(NETNS, SET, "exec", str(host)), name=name)

    def start_coordinator(self, *security):
        return self.on_host(1, "coordinator", self.sweep, "--bind", self.address, *security,
                            name="coordinator")

    def start_worker(self, host, *security, name="worker"):
        return self.on_host(host, "worker", "--connect", self.address, "--name", name, "--devices",
                            "cpu", "--pack", "1", "--trainer", harness.STAND_IN, "--folder",
                            os.path.join(self.folder, name), *security, name=name)

    def finish(self, coordinator, trials=TRIALS):
        self.assertEqual(coordinator.wait(harness.PATIENCE_S), 0, self.output("coordinator"))
        self.assert_complete(trials)

    # ---- nothing in clear text ------------------------------------------------------------------

    def captured_sweep(self, coordinators, workers):
        """The bytes of a whole sweep between two hosts."""
        capture = Capture(self.folder)
        self.wait_until(lambda: os.path.exists(capture.path + ".ready"), "the capture begins")
        coordinator = self.start_coordinator(*coordinators)
        self.start_worker(2, *workers)
        self.finish(coordinator)
        return b"".join(capture.stop())

    def secrets(self):
        """What must not be read along: of what trials are made, what is measured, what is made."""
        words = [b"accuracy", b"learning_rate", os.path.join(self.folder, "base").encode(), b"lora",
                 b"data_offsets", b"adapter_model.safetensors", b"stand-in"]
        words += [key.encode() for (key,) in self.query("SELECT key FROM trials LIMIT 3")]
        (folder,) = self.query("SELECT folder FROM trials WHERE in_sweep = 1 LIMIT 1")[0]
        for name in ("predictions.jsonl", "metrics.jsonl", "adapter/adapter_config.json"):
            with open(os.path.join(self.run_folder, folder, name), "rb") as file:
                words.append(file.read(40))
        return words

    def test_with_keys_nothing_travels_in_clear_text(self):
        bytes_seen = self.captured_sweep(self.keys, self.key)
        self.assertGreater(len(bytes_seen), 10_000)
        self.assertIn(b"CURVE", bytes_seen)
        found = [word for word in self.secrets() if word in bytes_seen]
        self.assertEqual(found, [])

    def test_without_keys_the_same_capture_finds_it_all(self):
        bytes_seen = self.captured_sweep(["--insecure"], ["--insecure"])
        self.assertIn("warning: --insecure", self.output("coordinator"))
        found = [word for word in self.secrets() if word in bytes_seen]
        missing = set(self.secrets()) - set(found)
        self.assertLessEqual(missing, {b"stand-in"}, "the test would overlook these")

    # ---- strangers ------------------------------------------------------------------------------

    def test_workers_with_wrong_keys_are_refused_and_told_what_to_do(self):
        self.stand_in(steps=600, step_ms=10)
        _, other_key = self.make_keys("other")
        unknown = self.plateau("keys", "add", "unknown", "--keys", self.keys[1])
        self.assertEqual(unknown.returncode, 0, unknown.stderr)
        stolen = os.path.join(self.folder, "stolen.key")
        os.rename(os.path.join(self.keys[1], "unknown.key"), stolen)
        self.assertEqual(self.plateau("keys", "remove", "unknown", *self.keys).returncode, 0)

        refused = self.start_coordinator()
        self.assertEqual(refused.wait(10), 3, "no keys, no --insecure")
        self.assertIn("plateau keys new", self.output("coordinator"))
        bare = self.start_worker(3, name="bare")
        self.assertEqual(bare.wait(10), 2, "no key, no --insecure")
        self.assertIn("--key", self.output("bare"))

        coordinator = self.start_coordinator(*self.keys)
        self.start_worker(2, *self.key)
        began = time.monotonic()
        strangers = {"another coordinator's": ["--key", other_key[1]],
                     "revoked": ["--key", stolen], "none": ["--insecure"]}
        running = {name: self.start_worker(3, *key, name=f"stranger{i}")
                   for i, (name, key) in enumerate(strangers.items())}
        # A busy coordinator may hang up before it has said that it wants a key.
        advice = ["Copy worker.key anew", "does not list this worker's key",
                  "wants a key|hangs up.* If it has keys, give --key FILE"]
        for i, (name, worker) in enumerate(running.items()):
            self.assertEqual(worker.wait(30), 8, name)
            self.assertRegex(self.output(f"stranger{i}"), advice[i], name)
        self.assertGreater(time.monotonic() - began, 9)
        self.finish(coordinator)
        self.assertEqual({row[0] for row in self.query("SELECT node FROM attempts")}, {"worker"})
        with open(os.path.join(self.run_folder, "plateau.log"), encoding="utf-8") as file:
            lines = [line for line in file if "Refused" in line]
        self.assertTrue(lines)
        self.assertLessEqual(len(lines), 30)  # of some 200 tries

    def rss_mib(self, process):
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["VmRSS"].split()[0]) / 1024

    def attack(self, replay):
        """In a process on the third host: a replay, giants, garbage, and lines that say nothing."""
        pid = os.fork()
        if pid != 0:
            return pid
        try:
            enter(3)
            dice = random.Random(1)
            silent = []
            for turn in range(20):
                knock(self.host, replay)
                knock(self.host, giant())
                knock(self.host, giant(GREETING.replace(b"CURVE", b"NULL\0")))
                knock(self.host, dice.randbytes(1 << 16))
                knock(self.host, GREETING + dice.randbytes(1 << 12))
                for _ in range(25):
                    line = socket.create_connection((self.host, PORT), timeout=5)
                    line.setblocking(False)
                    try:
                        line.send(command_of_a_megabyte() if turn % 2 else GREETING[:11])
                    except OSError:
                        pass
                    silent.append(line)
                    if len(silent) > 300:
                        silent.pop(0).close()
            os._exit(0)
        finally:
            os._exit(1)

    def test_replays_giants_and_garbage_cost_little_and_the_sweep_ends(self):
        self.stand_in(steps=300, step_ms=10)
        capture = Capture(self.folder)
        self.wait_until(lambda: os.path.exists(capture.path + ".ready"), "the capture begins")
        coordinator = self.start_coordinator(*self.keys)
        self.start_worker(2, *self.key)
        self.wait_for_running()
        to_coordinator = capture.stop()[0]
        self.assertTrue(to_coordinator.startswith(b"\xff"), "from the greeting on")
        sessions = self.count("SELECT count(*) FROM sessions")
        before = self.rss_mib(coordinator)
        attacker = self.attack(to_coordinator)
        highest = before
        ended = (0, 0)
        while ended == (0, 0):
            self.assertIsNone(coordinator.poll(), self.output("coordinator"))
            highest = max(highest, self.rss_mib(coordinator))
            time.sleep(0.05)
            ended = os.waitpid(attacker, os.WNOHANG)
        self.assertEqual(ended, (attacker, 0), "the attack was carried out")
        print(f"resident: {before:.0f} MiB before, {highest:.0f} MiB at most", file=sys.stderr)
        self.assertLess(highest - before, RSS_GROWTH_MIB)
        self.finish(coordinator)
        self.assertEqual(self.count("SELECT count(*) FROM sessions"), sessions)
        self.assertEqual(self.attempts(), TRIALS)

    # ---- promise 8 ------------------------------------------------------------------------------

    def test_a_frozen_coordinator_holds_up_reports_but_no_training(self):
        """The trials in the trainer go on and end while it is frozen; afterwards their results arrive,
        each once, and nothing is trained again. What they say meanwhile is more than a pipe holds:
        tried, a worker that reads from its trainers only while it has a coordinator stops them."""
        self.write_sweep(harness.SWEEP.replace("[lora, dora]", "lora").replace("[0, 1]", "0"))
        self.stand_in(steps=2000, step_ms=1, checkpoint_steps=500, evaluation_steps=1)
        coordinator = self.start_coordinator(*self.keys, "--lease-ms", "3000")
        worker = self.start_worker(2, *self.key)
        self.wait_for_running()
        coordinator.send_signal(signal.SIGSTOP)
        time.sleep(5)
        attempts = os.path.join(self.folder, "worker", "attempts")
        self.wait_until(lambda: [folder for folder, _, files in os.walk(attempts)
                                 if "predictions.jsonl" in files],
                        "a trial of 2 s ends without a coordinator", 15)
        self.assertIsNone(worker.poll())
        coordinator.send_signal(signal.SIGCONT)
        self.finish(coordinator, trials=2)
        self.assertEqual(self.attempts(), 2)


if __name__ == "__main__":
    made = netns("create", "1")
    if made.returncode == 77:
        harness.skip(made.stderr)
    netns("destroy")
    harness.main()
