"""fetch_libtorch.py with a list of two tiny wheels, from a package index of our own on 127.0.0.1."""
import hashlib
import http.server
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile

SOURCE = os.environ.get("PLATEAU_SOURCE_DIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", "..", ".."))


def wheel(name, files):
    """(file name, bytes) of a wheel of version 1.0."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        for path, text in files.items():
            out.writestr(path, text)
        out.writestr(f"{name}-1.0.dist-info/METADATA", f"Name: {name}\n")
    return f"{name}-1.0-py3-none-any.whl", archive.getvalue()


WHEELS = {
    "torch": wheel("torch", {"torch/lib/libtorch_cpu.so": "cpu", "torch/include/ATen/ATen.h": "h",
                             "torch/nn/modules.py": "python"}),
    "gpu-part": wheel("gpu_part", {"nvidia/cu13/lib/libgpu.so": "gpu"}),
    "pyarrow": wheel("pyarrow", {"pyarrow/include/arrow/api.h": "h", "pyarrow/__init__.py": "python",
                                 "pyarrow/include/parquet/file.h": "h",
                                 "pyarrow/libarrow.so.2600": "arrow",
                                 "pyarrow/libarrow_flight.so.2600": "never wanted",
                                 "pyarrow/libparquet.so.2600": "parquet"}),
    "have-it": wheel("have_it", {"nvidia/have/lib/libc.so": "never wanted"}),
}


class Index(http.server.BaseHTTPRequestHandler):
    fetched = []

    def log_message(self, *_):
        pass

    def do_GET(self):
        for project, (name, body) in WHEELS.items():
            if self.path == f"/simple/{project}/":
                body = json.dumps({"files": [{"filename": name, "url": f"/{name}", "hashes": {
                    "sha256": hashlib.sha256(body).hexdigest()}}]}).encode()
                return self.reply(body, "application/vnd.pypi.simple.v1+json")
            if self.path == f"/{name}":
                self.fetched.append(project)
                return self.reply(body, "application/zip")
        return self.send_error(404)

    def reply(self, body, content_type):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class FetchLibTorch(unittest.TestCase):
    def setUp(self):
        Index.fetched.clear()
        scratch = tempfile.TemporaryDirectory(prefix="plateau-libtorch-")
        self.addCleanup(scratch.cleanup)
        self.scratch = scratch.name
        self.folder = os.path.join(self.scratch, "cache", "libtorch-1.0")
        for script in ("fetch_libtorch.py", "fetch_wheel.py"):
            shutil.copy(os.path.join(SOURCE, "common", "build", script), self.scratch)
        rows = {"torch": "cpu", "gpu-part": "cuda:libnowhere.so.1", "have-it": "cuda:libc.so.6"}
        with open(os.path.join(self.scratch, "libtorch.txt"), "w", encoding="utf-8") as pins:
            for name, needs in rows.items():
                body = WHEELS[name][1]
                pins.write(f"{needs} {name} 1.0 {len(body)} {hashlib.sha256(body).hexdigest()} "
                           "py3-none-any\n")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.index = f"http://127.0.0.1:{server.server_port}/simple"

    def run_it(self, *options, script="fetch_libtorch.py"):
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith("PIP_") and "proxy" not in key.lower()}
        return subprocess.run(
            [sys.executable, os.path.join(self.scratch, script), self.folder, *options],
            env=dict(kept, PIP_INDEX_URL=self.index, PIP_CONFIG_FILE=os.devnull), timeout=60,
            capture_output=True, text=True, check=False)

    def files(self):
        return sorted(os.path.relpath(os.path.join(path, name), self.folder)
                      for path, _, names in os.walk(self.folder) for name in names)

    def test_headers_and_libraries_and_nothing_else(self):
        self.assertEqual(self.run_it("--check").returncode, 1)
        done = self.run_it()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("fetching LibTorch (torch; 0 MB) into", done.stderr)
        self.assertEqual(self.files(), ["torch-1.0.dist-info/METADATA", "torch/include/ATen/ATen.h",
                                        "torch/lib/libtorch_cpu.so"])
        self.assertEqual(os.listdir(os.path.dirname(self.folder)).count("libtorch-1.0"), 1)
        self.assertEqual(self.run_it("--check").returncode, 0)
        self.assertEqual(self.run_it().returncode, 0)
        self.assertEqual(Index.fetched, ["torch"])

    def test_cuda_adds_what_the_system_lacks(self):
        self.run_it()
        self.assertEqual(self.run_it("--check", "--cuda").returncode, 1)
        self.assertEqual(self.run_it("--cuda").returncode, 0)
        self.assertIn("nvidia/cu13/lib/libgpu.so", self.files())
        self.assertEqual(Index.fetched, ["torch", "gpu-part"])

    def test_an_interrupted_run_is_repeated(self):
        os.makedirs(os.path.join(self.folder, "torch/lib"))  # files, but no dist-info yet
        os.makedirs(os.path.join(os.path.dirname(self.folder), ".unpack-libtorch-1.0-killed"))
        self.assertEqual(self.run_it().returncode, 0)
        self.assertIn("torch/lib/libtorch_cpu.so", self.files())
        self.assertEqual(sorted(os.listdir(os.path.dirname(self.folder))),
                         ["libtorch-1.0", "libtorch-1.0.lock"])

    def test_arrow_keeps_what_parquet_needs(self):
        shutil.copy(os.path.join(SOURCE, "common", "build", "fetch_arrow.py"), self.scratch)
        name, body = WHEELS["pyarrow"]
        script = os.path.join(self.scratch, "fetch_arrow.py")
        with open(script, encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r'fetch_libtorch\.Wheel\([^)]*\)', repr(
            ("parquet", "pyarrow", "1.0", len(body), hashlib.sha256(body).hexdigest(),
             "py3-none-any")).join(("fetch_libtorch.Wheel(*", ")")), text)
        with open(script, "w", encoding="utf-8") as file:
            file.write(text)
        self.folder = os.path.join(self.scratch, "cache", "arrow-1.0")
        for fetched in (1, 1):  # the second time everything is there
            done = self.run_it(script="fetch_arrow.py")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(Index.fetched, ["pyarrow"] * fetched)
        self.assertEqual(self.files(), [
            "pyarrow-1.0.dist-info/METADATA", "pyarrow/include/arrow/api.h",
            "pyarrow/include/parquet/file.h", "pyarrow/libarrow.so.2600",
            "pyarrow/libparquet.so.2600"], name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
