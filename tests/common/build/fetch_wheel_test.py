"""fetch_wheel.py against a package index of our own on 127.0.0.1 that misbehaves on request."""
import hashlib
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

SOURCE = os.environ.get("PLATEAU_SOURCE_DIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", "..", ".."))
FETCH = os.path.join(SOURCE, "common", "build", "fetch_wheel.py")
BODY = bytes((i * i + i // 251) % 256 for i in range(300_000))
DIGEST = hashlib.sha256(BODY).hexdigest()
WHEEL = "demo_pack-1.2-py3-none-any.whl"


class Index(http.server.BaseHTTPRequestHandler):
    """A simple index of one package. Its faults are class variables, set by each test."""

    protocol_version = "HTTP/1.0"
    as_json = True
    digest = DIGEST
    cut_after = None   # break the connection after so many bytes of a reply's body
    cuts_left = 0
    ranges = True      # answer Range requests
    served = []        # (first byte, number of bytes) of every file reply

    def log_message(self, *_):
        pass

    def reply(self, body, content_type):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/simple/demo-pack/":
            other = "demo_pack-1.20-py3-none-any.whl"
            if self.as_json:
                files = [{"filename": name, "url": f"../../files/{name}",
                          "hashes": {"sha256": self.digest}} for name in (other, WHEEL)]
                self.reply(json.dumps({"files": files}).encode(),
                           "application/vnd.pypi.simple.v1+json")
            else:
                page = "".join(f'<a href="/files/{name}#sha256={self.digest}">{name}</a><br/>\n'
                               for name in (other, WHEEL))
                self.reply(f"<html>{page}</html>".encode(), "text/html")
        elif self.path == f"/files/{WHEEL}":
            self.send_file()
        else:
            self.send_error(404)

    def send_file(self):
        asked = self.headers.get("Range") if self.ranges else None
        start = int(asked[len("bytes="):-1]) if asked else 0
        if start >= len(BODY):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        body = BODY[start:]
        if Index.cuts_left > 0:
            Index.cuts_left -= 1
            body = body[:self.cut_after]
        Index.served.append((start, len(body)))
        self.wfile.write(body)


class FetchWheel(unittest.TestCase):
    def setUp(self):
        Index.as_json, Index.digest, Index.ranges = True, DIGEST, True
        Index.cut_after, Index.cuts_left, Index.served = None, 0, []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.folder = tempfile.TemporaryDirectory()
        self.destination = os.path.join(self.folder.name, "file.whl")

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    def environment(self):
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith("PIP_") and "proxy" not in key.lower()}
        return dict(kept, PIP_CONFIG_FILE=os.devnull,
                    PIP_INDEX_URL=f"http://127.0.0.1:{self.server.server_port}/simple")

    def fetch(self, *options, version="1.2", name="Demo.Pack"):
        command = [sys.executable, FETCH, name, version, self.destination, *options]
        return subprocess.run(command, env=self.environment(), capture_output=True, text=True,
                              timeout=60, check=False)

    def assert_fetched(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.destination, "rb") as file:
            self.assertEqual(file.read(), BODY)
        self.assertEqual(os.listdir(self.folder.name), ["file.whl"])

    def test_json_and_html_pages(self):
        for as_json in (True, False):
            with self.subTest(as_json=as_json):
                Index.as_json = as_json
                if os.path.exists(self.destination):
                    os.unlink(self.destination)
                self.assert_fetched(self.fetch("--sha256", DIGEST))

    def test_what_is_there_is_not_fetched_again(self):
        self.assert_fetched(self.fetch())
        self.assert_fetched(self.fetch())
        self.assert_fetched(self.fetch("--sha256", DIGEST))
        self.assertEqual(Index.served, [(0, len(BODY))])

    def test_a_broken_connection_is_resumed(self):
        Index.cut_after, Index.cuts_left = 100_000, 2
        self.assert_fetched(self.fetch())
        self.assertEqual(Index.served, [(0, 100_000), (100_000, 100_000), (200_000, 100_000)])

    def test_the_next_run_goes_on_where_a_killed_one_stopped(self):
        with open(self.destination + ".part", "wb") as part:
            part.write(BODY[:123_456])
        self.assert_fetched(self.fetch())
        self.assertEqual(Index.served, [(123_456, len(BODY) - 123_456)])

    def test_a_server_without_ranges_sends_it_whole(self):
        Index.ranges = False
        with open(self.destination + ".part", "wb") as part:
            part.write(BODY[:1000])
        self.assert_fetched(self.fetch())
        self.assertEqual(Index.served, [(0, len(BODY))])

    def test_a_stale_beginning_is_thrown_away(self):
        with open(self.destination + ".part", "wb") as part:
            part.write(b"x" * 1000)
        self.assert_fetched(self.fetch())
        self.assertEqual(Index.served, [(1000, len(BODY) - 1000), (0, len(BODY))])

    def test_a_wrong_checksum_leaves_nothing(self):
        Index.digest = "0" * 64
        self.assertEqual(self.fetch().returncode, 4)
        self.assertEqual(os.listdir(self.folder.name), [])

    def test_a_pinned_checksum_wins_over_the_index(self):
        done = self.fetch("--sha256", "1" * 64)
        self.assertEqual(done.returncode, 4)
        self.assertEqual(Index.served, [])

    def test_unknown_package_version_and_tag(self):
        self.assertEqual(self.fetch(name="nobody").returncode, 3)
        self.assertEqual(self.fetch(version="9.9").returncode, 3)
        self.assertEqual(self.fetch("--filename-tag", "cp311-cp311-linux_x86_64").returncode, 3)

    def test_no_network(self):
        self.server.shutdown()
        self.server.server_close()
        done = self.fetch()
        self.assertEqual(done.returncode, 5, done.stderr)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


if __name__ == "__main__":
    unittest.main(verbosity=2)
