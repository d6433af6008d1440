"""Which shared libraries the built programs load: the three programs stay apart (by ldd)."""
import os
import re
import subprocess

import tidy

LIBTORCH = ["libtorch", "libc10", "libcuda", "libcudart"]
RULES = {
    "plateau": LIBTORCH + ["libarrow", "libparquet"],
    "plateau-worker": LIBTORCH + ["libsqlite3", "libyaml-cpp"],
    # LibTorch's CUDA half takes hundreds of megabytes: it is loaded where a GPU is asked for.
    "plateau-trainer": ["libzmq", "libsqlite3", "libyaml-cpp", "libboost", "libprotobuf",
                        "libtorch_cuda", "libcublas", "libcudnn"],
}


def needed(path):
    """What the program itself names, without what its libraries do."""
    return subprocess.run(["readelf", "-d", path], capture_output=True, text=True,
                          check=True).stdout


def findings(_source, build):
    found = []
    for program, forbidden in RULES.items():
        path = os.path.join(build, "bin", program)
        if not os.path.exists(path):
            if program != "plateau-trainer" or "PLATEAU_TRAINER:BOOL=ON" in tidy.read(
                    build, "CMakeCache.txt"):
                found.append(f"bin/{program}: is not there")
            continue
        loaded = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
        found += [f"bin/{program}: {name} is not found" for name in
                  re.findall(r"(\S+) => not found", loaded)]
        if program == "plateau-trainer" and "libgomp" not in needed(path):
            found.append(f"bin/{program}: has no OpenMP of its own, so its loops run on one thread")
        found += [f"bin/{program}: loads {name}" for name in
                  re.findall(r"^\s*(\S+) =>", loaded, re.MULTILINE)
                  if name.startswith(tuple(forbidden))]
    return found


if __name__ == "__main__":
    tidy.report(findings(tidy.SOURCE, tidy.BUILD), "each program loads only what it may")
