"""The hosts that tests/support/netns makes: they reach each other, a cut is silent, all goes away."""
import os
import socket
import subprocess
import sys
import unittest

NETNS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "netns")
SET = f"nt{os.getpid()}"
SERVE = """
import socket
server = socket.create_server(("0.0.0.0", 4000))
print("ready", flush=True)
while True:
    peer, _ = server.accept()
    peer.sendall(b"hello")
    peer.close()
"""
ASK = """
import socket, sys
try:
    with socket.create_connection((sys.argv[1], 4000), timeout=0.5) as peer:
        print(peer.recv(5).decode())
except TimeoutError:
    print("timeout")
"""


def netns(*arguments, **options):
    return subprocess.run([NETNS, SET, *arguments], capture_output=True, text=True, timeout=30,
                          check=False, **options)


def interfaces():
    return sorted(name for _, name in socket.if_nameindex())


INTERFACES_BEFORE = interfaces()


class Hosts(unittest.TestCase):
    def ask(self, from_host):
        asked = netns("exec", str(from_host), sys.executable, "-c", ASK, self.address)
        self.assertEqual(asked.returncode, 0, asked.stderr)
        return asked.stdout.strip()

    def test_reach_cut_heal_and_destroy(self):
        self.address = netns("addr", "1").stdout.strip()
        server = subprocess.Popen([NETNS, SET, "exec", "1", sys.executable, "-c", SERVE],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(server.stdout.close)
        self.assertEqual(server.stdout.readline(), "ready\n")
        self.assertEqual((self.ask(2), self.ask(3)), ("hello", "hello"))
        netns("cut", "2")
        self.assertEqual((self.ask(2), self.ask(3)), ("timeout", "hello"))
        netns("heal", "2")
        self.assertEqual(self.ask(2), "hello")
        self.assertEqual(interfaces(), INTERFACES_BEFORE)  # the machine's own network is untouched
        self.assertEqual(netns("destroy").returncode, 0)
        self.assertEqual(server.wait(timeout=10), -9)
        self.assertNotIn(SET, os.listdir("/run/netns"))

    def test_unknown_hosts_and_commands(self):
        self.assertEqual(netns("exec", "9", "true").returncode, 2)
        self.assertEqual(netns("explode").returncode, 2)


if __name__ == "__main__":
    made = netns("create", "3")
    if made.returncode != 0:
        print(made.stderr)
        sys.exit(made.returncode)
    outcome = unittest.main(verbosity=2, exit=False)
    netns("destroy")
    sys.exit(0 if outcome.result.wasSuccessful() else 1)
