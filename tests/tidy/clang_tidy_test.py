"""clang-tidy (.clang-tidy) over the base library, the specification and the pure cores.

PLATEAU_TIDY=all looks at everything but what includes LibTorch, whose headers take it minutes. A
file that passed is not looked at again until it, a header of ours that it reads, or the
configuration changes: the build folder remembers.
"""
import concurrent.futures
import hashlib
import json
import os
import subprocess

import layering_test
import tidy

CORES = ("common/base/", "common/spec/", "coordinator/scheduler/", "coordinator/search/",
         "worker/agent/agent_")
ALL = ("common/", "coordinator/", "worker/agent/", "worker/runner/")
LAYERS = ALL if os.environ.get("PLATEAU_TIDY") == "all" else CORES
JOBS = 2


def fingerprint(source, path, read):
    digest = hashlib.sha256(tidy.read(source, ".clang-tidy").encode())
    for name in sorted({path} | {name for name in read if name[0] != "/"}):
        digest.update(f"\0{name}\0{tidy.read(source, name)}".encode())
    return digest.hexdigest()


def check(source, build, path):
    """What clang-tidy says about one file; '' when it is content."""
    checked = subprocess.run(["clang-tidy", "--quiet", "-p", build, "--extra-arg="
                              "-Wno-unknown-warning-option", os.path.join(source, path)],
                             capture_output=True, text=True, check=False)
    return "" if checked.returncode == 0 else checked.stdout.strip() or checked.stderr.strip()


def findings(source, build):
    compiled = layering_test.dependencies(source, build)
    paths = [path for path in compiled if path.startswith(LAYERS)]
    memory = os.path.join(build, "clang-tidy-passed.json")
    passed = json.loads(tidy.read(build, "clang-tidy-passed.json")) if os.path.exists(memory) else {}
    prints = {path: fingerprint(source, path, compiled[path]) for path in paths}
    due = sorted(path for path in paths if passed.get(path) != prints[path])
    print(f"clang-tidy: {len(due)} of {len(paths)} files to look at", flush=True)
    found = []
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for path, said in zip(due, pool.map(lambda path: check(source, build, path), due)):
            if said:
                found.append(f"{path}:\n{said}")
            else:
                passed[path] = prints[path]
                with open(memory, "w", encoding="utf-8") as file:  # also if this run is cut short
                    json.dump(passed, file)
    if not paths:
        return [f"{build}: nothing was compiled of {', '.join(LAYERS)}"]
    return found


if __name__ == "__main__":
    tidy.need_tool("clang-tidy", "apt-get install clang-tidy")
    tidy.report(findings(tidy.SOURCE, tidy.BUILD), "clang-tidy")
