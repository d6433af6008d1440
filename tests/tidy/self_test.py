"""Each tidy test finds a violation that is planted in a temporary copy: none of them is blind."""
import os
import shutil
import subprocess
import tempfile
import unittest
from unittest import mock

import format_test
import house_rules_test
import layering_test
import libraries_test
import link_lists_test
import readme_test
import sweeps_test
import tidy


class Planted(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="plateau-tidy-")
        self.addCleanup(scratch.cleanup)
        self.source = os.path.realpath(scratch.name)
        self.build = os.path.join(self.source, "build")
        os.makedirs(self.build)

    def write(self, path, text):
        full = os.path.join(self.source, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        return full

    def assert_found(self, found, *parts):
        self.assertTrue(any(all(part in line for part in parts) for line in found), found)

    def compile(self, *sources):
        """Compiles with a Ninja file of its own, so that `ninja -t deps` has something to say."""
        self.write("build/CMakeCache.txt", "PLATEAU_TRAINER:BOOL=ON\n")
        rules = (f"rule cc\n  command = c++ -std=c++20 -I{self.source} -MD -MF $out.d -c $in -o $out\n"
                 "  depfile = $out.d\n  deps = gcc\n")
        for number, source in enumerate(sources):
            rules += f"build {number}.o: cc {os.path.join(self.source, source)}\n"
        self.write("build/build.ninja", rules)
        subprocess.run(["ninja", "-C", self.build], check=True, capture_output=True)

    def test_layering_transitive_include(self):
        self.write("common/base/innocent.h", "#pragma once\n#include <mutex>\n")
        self.write("coordinator/scheduler/state.cc", '#include "common/base/innocent.h"\n')
        self.compile("coordinator/scheduler/state.cc")
        self.assert_found(layering_test.findings(self.source, self.build),
                          "coordinator/scheduler/state.cc: reads", "/mutex")

    def test_house_rules_data_that_runs(self):
        for number, code in enumerate(("system(line);", "torch::load(x, path);", "::popen(c, 0);",
                                       "torch::jit::load(path);", "std::system(line);")):
            self.write(f"worker/trainer/bad{number}.cc", code + "\n")
            self.assert_found(house_rules_test.findings(self.source, self.build),
                              f"bad{number}.cc:1", "could run what a file says")
        self.write("worker/trainer/fine.cc", 'say("system(disk)");  // system(x)\nfile.load(x);\n')
        self.assertFalse([line for line in house_rules_test.findings(self.source, self.build)
                          if "fine.cc" in line])

    def test_layering_between_the_two_sides(self):
        self.write("worker/agent/agent.h", "#pragma once\n")
        self.write("coordinator/loop/loop.cc", '#include "worker/agent/agent.h"\n')
        self.write("coordinator/loop/fine.cc", "#include <string>\n")
        self.compile("coordinator/loop/loop.cc", "coordinator/loop/fine.cc")
        found = layering_test.findings(self.source, self.build)
        self.assert_found(found, "loop.cc: reads worker/agent/agent.h")
        self.assertEqual(len(found), 1, found)

    def test_layering_wire_in_the_trainer(self):
        self.write("common/wire/codec.h", "#pragma once\n")
        self.write("worker/trainer/train.cc", '#include "common/wire/codec.h"\n')
        self.compile("worker/trainer/train.cc")
        self.assert_found(layering_test.findings(self.source, self.build), "common/wire/codec.h")

    def test_layering_that_saw_no_source(self):
        self.write("common/base/text.cc", "")
        self.write("coordinator/scheduler/state.cc", "")
        self.compile("common/base/text.cc")
        self.assert_found(layering_test.findings(self.source, self.build),
                          "coordinator/scheduler/: has 1 sources, but none was compiled")

    def test_a_program_that_loads_what_it_must_not(self):
        main = self.write("main.cc", "int main() {}\n")
        os.makedirs(os.path.join(self.build, "bin"))
        self.write("build/CMakeCache.txt", "PLATEAU_TRAINER:BOOL=ON\n")
        for program in ("plateau", "plateau-worker", "plateau-trainer"):
            subprocess.run(["c++", main, "-Wl,--no-as-needed", "-lzmq", "-o",
                            os.path.join(self.build, "bin", program)], check=True)
        found = libraries_test.findings(self.source, self.build)
        self.assert_found(found, "bin/plateau-trainer: loads libzmq")
        self.assert_found(found, "bin/plateau-trainer: has no OpenMP")
        self.assertEqual(len(found), 2, found)
        os.unlink(os.path.join(self.build, "bin", "plateau-worker"))
        self.assert_found(libraries_test.findings(self.source, self.build), "plateau-worker: is not")

    def test_a_library_that_another_one_links(self):
        self.write("common/spec/CMakeLists.txt", "plateau_library(plateau_spec SOURCES a.cc)\n")
        self.write("common/spec/a.h", "")
        self.write("common/spec/a.cc", "")
        self.write("worker/x/CMakeLists.txt", "plateau_library(plateau_x SOURCES x.cc DEPS other)\n")
        self.write("worker/x/x.h", '#include "common/spec/a.h"\n')
        self.write("worker/x/x.cc", '#include "worker/x/x.h"\n')
        found = link_lists_test.findings(self.source, self.build)
        self.assert_found(found, "worker/x/x.cc: includes common/spec/a.h", "plateau_spec")
        self.write("worker/x/CMakeLists.txt",
                   "plateau_library(plateau_x SOURCES x.cc\n  DEPS plateau_spec)\n")
        self.assertEqual(link_lists_test.findings(self.source, self.build), [])

    def test_house_rules(self):
        self.write("common/spec/long.cc", "\n" * 601)
        self.write("common/spec/README.md", "")
        self.write("tests/long_test.cc", "\n" * 801)
        self.write("tests/allowed_test.cc", "\n" * 800)
        self.write("worker/runner/clock.cc", "auto t = std::chrono::steady_clock::now();\n")
        self.write("worker/runner/draw.cc", "std::random_device d;\n")
        self.write("worker/runner/marker.cc", "// TO" + "DO\n")
        body = "  work();\n" * 59
        self.write("worker/runner/function.cc", f"void f() {{\n{body}}}\n")
        self.write("worker/runner/fits.cc", f"void f() {{\n{body[10:]}}}\n")
        found = house_rules_test.findings(self.source, self.build)
        for parts in (("common/spec/long.cc", "601 lines"), ("tests/long_test.cc", "801 lines"),
                      ("worker/runner/clock.cc:1", "reads a clock"),
                      ("worker/runner/draw.cc:1", "random_device"),
                      ("worker/runner/marker.cc:1", "marker"),
                      ("worker/runner/function.cc:1", "61 lines"),
                      ("worker/runner: has no README.md",), ("sweeps: has no README.md",),
                      ("tests: has no README.md",)):
            self.assert_found(found, *parts)
        self.assertEqual(len(found), 9, found)

    @unittest.skipUnless(shutil.which("clang-format"), "clang-format is not installed")
    def test_format(self):
        self.write(".clang-format", tidy.read(tidy.SOURCE, ".clang-format"))
        self.write("common/fine.cc", "int f(int x) {\n  return x;\n}\n")
        self.assertEqual(format_test.findings(self.source, self.build), [])
        self.write("common/odd.cc", "int f( int x ){ return x;}\n")
        self.assert_found(format_test.findings(self.source, self.build), "common/odd.cc:1")

    def test_a_sweep_that_does_not_plan(self):
        self.assert_found(sweeps_test.findings(self.source, self.build), "no YAML file")
        os.makedirs(os.path.join(self.build, "bin"))
        program = self.write("build/bin/plateau", '#!/bin/sh\ncase "$2" in *deep/bad.yaml) exit 2;; '
                             '*none.yaml) echo \'{"trials": 0, "cells": 0}\';; '
                             '*) echo \'{"trials": 4, "cells": 2}\';; esac\n')
        os.chmod(program, 0o755)
        for name in ("good.yaml", "none.yaml", "study/deep/bad.yaml"):
            self.write(f"sweeps/{name}", "name: x\n")
        found = sweeps_test.findings(self.source, self.build)
        self.assert_found(found, "sweeps/study/deep/bad.yaml: plan exits with 2")
        self.assert_found(found, "sweeps/none.yaml: plans nothing")
        self.assertEqual(len(found), 2, found)

    def test_a_readme_whose_command_fails(self):
        self.write("README.md", "```sh\ntrue\n./plateau test\n```\n\n```sh\nfalse  # why\n```\n")
        self.assert_found(readme_test.findings(self.source, self.build), "README.md:7: exits with 1")
        self.write("README.md", "```text\nfalse\n```\n")
        self.assert_found(readme_test.findings(self.source, self.build), "no ```sh block")

    def test_the_readme_commands_that_are_changed_or_left_out(self):
        self.assertIsNone(readme_test.prepared("./plateau test -L unit"))
        self.assertEqual(readme_test.prepared("./plateau run sweeps/quickstart.yaml"),
                         "./plateau run sweeps/quickstart.yaml --smoke")
        self.assertEqual(readme_test.prepared("./plateau results table quickstart --format tex"),
                         "./plateau results table quickstart-smoke --format tex")
        self.assertEqual(readme_test.prepared("cmake --preset dev && cmake --build --preset dev"),
                         "cmake --preset dev")


if __name__ == "__main__":
    with mock.patch.dict(os.environ, {"LC_ALL": "C"}):
        unittest.main(verbosity=2)
