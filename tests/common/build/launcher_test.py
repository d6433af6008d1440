"""./plateau in a tree of stand-ins: fake apt-get, dpkg-query, cmake, ctest, sudo and downloads.

What is real is the launcher. The stand-ins write down how they were called.
"""
import os
import shutil
import stat
import subprocess
import tempfile
import time
import unittest

SOURCE = os.environ.get("PLATEAU_SOURCE_DIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", "..", ".."))

LOG = 'echo "$(basename "$0") $*" >>"$LOG"\n'
FAKES = {
    "id": "echo ${FAKE_UID:-0}\n",
    "sudo": LOG + '[ "${FAKE_SUDO:-yes}" = yes ] || exit 1\n[ "$1" = -n ] && shift\nexec "$@"\n',
    "apt-get": LOG + 'case "$*" in *-s\\ install*) [ -e "$LOG.updated" ] ;;\n'
               'update*) touch "$LOG.updated" ;;\n'
               '*--assume-no*) echo "Need to get 1 MB of archives." ;;\n'
               '*install*) touch "$LOG.installed" ;; esac\n',
    # Everything is installed but libzmq3-dev, until apt-get has been called.
    "dpkg-query": 'shift 3\nfor p; do [ "$p" = "${FAKE_MISSING:-none}" ] && [ ! -e "$LOG.installed" ] ||'
                  ' echo "installed $p"; done\n',
    "nvcc": 'echo "Cuda compilation tools, release ${FAKE_CUDA:-13.0}, V13.0.88"\n',
    "cmake": LOG + 'case "$*" in --build*) [ -z "${FAKE_BROKEN:-}" ] || exit 1\n'
             'mkdir -p "$2/bin"\nfor p in plateau plateau-worker; do\n'
             'printf \'#!/bin/sh\\necho "program $(basename "$0") $*"\\n\' >"$2/bin/$p"\n'
             'chmod +x "$2/bin/$p"\ndone ;; esac\n',
    "ctest": LOG + "echo tests ran\n",
    "g++": "", "ninja": "", "pkg-config": "", "ip": "",
}


class Launcher(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="plateau-launcher-")
        self.addCleanup(scratch.cleanup)
        self.root = os.path.join(os.path.realpath(scratch.name), "a tree")
        for folder in ("common/build", "coordinator", "worker", "tests", "fakes"):
            os.makedirs(os.path.join(self.root, folder))
        self.install("noble")
        for name in ("CMakeLists.txt", "CMakePresets.json", "coordinator/x.cc", "worker/y.cc"):
            self.touch(name)
        with open(os.path.join(self.root, "common/build/fetch_libtorch.py"), "w",
                  encoding="utf-8") as file:
            file.write("import os, sys\nopen(os.environ['LOG'], 'a').write('libtorch ' + "
                       "' '.join(sys.argv[2:]) + '\\n')\nif os.environ.get('FAKE_OFFLINE'):\n"
                       "    sys.exit(5)\nos.makedirs(sys.argv[1] + '/torch/lib', exist_ok=True)\n"
                       "open(sys.argv[1] + '/torch/lib/libtorch_cpu.so', 'w').close()\n")
        with open(os.path.join(self.root, "common/build/fetch_arrow.py"), "w",
                  encoding="utf-8") as file:
            file.write("import os, sys\nopen(os.environ['LOG'], 'a').write('arrow\\n')\n"
                       "os.makedirs(sys.argv[1] + '/pyarrow')\n"
                       "open(sys.argv[1] + '/pyarrow/libparquet.so.2600', 'w').close()\n")
        for name, body in FAKES.items():
            path = os.path.join(self.root, "fakes", name)
            with open(path, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\n" + body)
            os.chmod(path, stat.S_IRWXU)

    def install(self, codename):
        """The launcher, in a distribution of that name."""
        with open(os.path.join(SOURCE, "plateau"), encoding="utf-8") as file:
            text = file.read()
        self.assertEqual(text.count(" /etc/os-release "), 1)
        release = os.path.join(self.root, "os-release")
        with open(release, "w", encoding="utf-8") as file:
            file.write(f"NAME=Some\nUBUNTU_CODENAME={codename}\n")
        launcher = os.path.join(self.root, "plateau")
        with open(launcher, "w", encoding="utf-8") as file:
            file.write(text.replace(" /etc/os-release ", f" '{release}' "))
        os.chmod(launcher, stat.S_IRWXU)

    def touch(self, name):
        with open(os.path.join(self.root, name), "a", encoding="utf-8"):
            os.utime(os.path.join(self.root, name))

    def run_it(self, *arguments, cwd=None, **environment):
        """(finished process, what the stand-ins were called with)"""
        log = os.path.join(self.root, "..", "calls")
        if os.path.exists(log):
            os.unlink(log)
        variables = {"PATH": os.path.join(self.root, "fakes") + ":/usr/bin:/bin", "LOG": log,
                     "HOME": self.root, "PLATEAU_CACHE": os.path.join(self.root, "..", "cache"),
                     "PIP_INDEX_URL": "http://127.0.0.1:1/simple", **environment}
        done = subprocess.run([os.path.join(self.root, "plateau"), *arguments], env=variables,
                              cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        calls = ""
        if os.path.exists(log):
            with open(log, encoding="utf-8") as file:
                calls = file.read()
        return done, calls

    def test_first_run_builds_then_becomes_the_program(self):
        done, calls = self.run_it("run", "a b.yaml", "--smoke")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "program plateau run a b.yaml --smoke\n")
        self.assertIn("cmake --preset release -DPLATEAU_CUDA=ON", calls)
        self.assertIn("--target plateau plateau-worker plateau-trainer", calls)
        self.assertNotIn("apt-get", calls)

    def test_later_runs_only_start_the_program(self):
        self.run_it("plan")
        spent = []
        for _ in range(3):
            started = time.perf_counter()
            done, calls = self.run_it("plan", cwd="/")
            spent.append(time.perf_counter() - started)
            self.assertEqual((done.stdout, done.stderr, calls), ("program plateau plan\n", "", ""))
        self.assertLess(min(spent), 0.2)

    def test_what_makes_it_build_again(self):
        self.run_it("plan")
        for name in ("worker/y.cc", "CMakeLists.txt", "coordinator/new.cc"):
            self.touch(name)
            self.assertIn("cmake --build", self.run_it("plan")[1], name)
            self.assertEqual(self.run_it("plan")[1], "", name)
        os.unlink(os.path.join(self.root, "coordinator/new.cc"))
        self.assertIn("cmake --build", self.run_it("plan")[1])
        self.assertIn("-DPLATEAU_CUDA=OFF", self.run_it("plan", PLATEAU_CUDA="OFF")[1])
        shutil.rmtree(os.path.join(self.root, "..", "cache"))
        self.assertIn("libtorch", self.run_it("plan")[1])

    def test_a_failed_build_is_not_taken_for_a_finished_one(self):
        done, _ = self.run_it("plan", FAKE_BROKEN="1")
        self.assertEqual(done.returncode, 70)
        self.assertEqual(done.stdout, "")
        self.assertIn("cmake --build", self.run_it("plan")[1])

    def test_no_network(self):
        done, _ = self.run_it("plan", FAKE_OFFLINE="1")
        self.assertEqual(done.returncode, 5)
        self.assertIn("goes on where it stopped", " ".join(done.stderr.split()))

    def test_cuda_choice(self):
        self.assertIn("libtorch --cuda", self.run_it("build")[1])
        self.assertIn("-DPLATEAU_CUDA=OFF", self.run_it("build", FAKE_CUDA="12.4")[1])
        calls = self.run_it("build", PLATEAU_CUDA="OFF")[1]
        self.assertNotIn("--cuda", calls)
        done, calls = self.run_it("build", PLATEAU_CUDA="maybe")
        self.assertEqual((done.returncode, calls), (2, ""))

    def test_parquet_is_fetched_on_demand_and_kept(self):
        self.assertNotIn("plateau-parquet", self.run_it("build")[1])
        done, calls = self.run_it("build", "--with-parquet")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("arrow\n", calls)
        self.assertIn("plateau-trainer plateau-parquet", calls)
        self.assertEqual(self.run_it("plan")[1], "")
        self.touch("worker/y.cc")
        self.assertIn("plateau-trainer plateau-parquet", self.run_it("plan")[1])
        done, calls = self.run_it("build", "--with-parket")
        self.assertEqual((done.returncode, calls), (2, ""))

    def test_root_installs_what_is_missing(self):
        done, calls = self.run_it("build", FAKE_MISSING="libzmq3-dev")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("plateau: installing libzmq3-dev\nNeed to get 1 MB", done.stderr)
        self.assertEqual(calls.count("apt-get update"), 1)
        self.assertIn("apt-get install -qq -y --no-install-recommends libzmq3-dev", calls)
        self.assertNotIn("sudo", calls)

    def test_only_the_tests_ask_for_what_only_they_need(self):
        self.assertNotIn("apt-get", self.run_it("build", FAKE_MISSING="python3-yaml")[1])
        self.assertIn("apt-get install -qq -y --no-install-recommends python3-yaml",
                      self.run_it("test", FAKE_MISSING="python3-yaml")[1])

    def test_ubuntu_22_04_has_no_package_cppzmq_dev(self):
        done, calls = self.run_it("build", FAKE_MISSING="cppzmq-dev")
        self.assertIn("plateau: installing cppzmq-dev\n", done.stderr)
        self.assertIn("apt-get install -qq -y --no-install-recommends cppzmq-dev", calls)
        self.install("jammy")
        done, calls = self.run_it("build", FAKE_MISSING="cppzmq-dev")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("apt-get", calls)

    def test_sudo_installs_what_is_missing(self):
        _, calls = self.run_it("build", FAKE_MISSING="libzmq3-dev", FAKE_UID="1000")
        self.assertIn("sudo env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get install", calls)

    def test_neither_root_nor_sudo(self):
        done, calls = self.run_it("build", FAKE_MISSING="libzmq3-dev", FAKE_UID="1000",
                                  FAKE_SUDO="no")
        self.assertEqual(done.returncode, 5)
        self.assertIn("missing: libzmq3-dev", done.stderr)
        self.assertIn("apt-get update && apt-get install --no-install-recommends -y libzmq3-dev",
                      done.stderr)
        self.assertNotIn("apt-get", calls)
        done, _ = self.run_it("plan", FAKE_UID="1000", FAKE_SUDO="no")
        self.assertEqual(done.returncode, 0, "nothing is missing, so it goes on")

    def test_tests_build_everything_and_pass_arguments_on(self):
        done, calls = self.run_it("test", "-L", "unit")
        self.assertEqual((done.returncode, done.stdout), (0, "tests ran\n"))
        self.assertIn("--target all", calls)
        self.assertRegex(calls, r"ctest --output-on-failure --no-tests=error -j 2 -L unit\n$")
        self.touch("tests/z_test.cc")
        self.assertEqual(self.run_it("plan")[1], "", "programs do not depend on tests")
        self.assertIn("--target all", self.run_it("test")[1])

    def test_sanitizers_have_a_build_of_their_own_and_fetch_no_libtorch(self):
        for kind, preset in (("address", "asan"), ("thread", "tsan")):
            os.makedirs(os.path.join(self.root, "build", preset), exist_ok=True)
            done, calls = self.run_it("test", "--sanitize", kind, "-R", "store")
            self.assertEqual((done.returncode, done.stdout), (0, "tests ran\n"), done.stderr)
            self.assertRegex(calls, f"cmake --build .*/build/{preset} ")
            self.assertNotIn("libtorch", calls)
            self.assertRegex(calls, r"ctest .* -R store\n$")
        self.assertIn("simulation", self.run_it("test", "--sanitize", "address")[1])
        done, calls = self.run_it("test", "--sanitize", "memory")
        self.assertEqual((done.returncode, calls), (2, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
