#!/usr/bin/env python3
"""Puts LibTorch into a folder, out of the wheels that libtorch.txt pins. Standard library only.

    fetch_libtorch.py FOLDER [--cuda] [--check]

FOLDER then holds torch/{include,lib} and nvidia/. A wheel counts as there when its *.dist-info is:
that is moved into place last, so an interrupted run is simply repeated. --check fetches nothing and
exits 1 if a wheel is missing. Other exit codes: those of fetch_wheel.py.
"""
import argparse
import fcntl
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from typing import NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
KEPT = ("torch/include/", "torch/lib/", "nvidia/")  # of a wheel's files; the rest is Python's


class Wheel(NamedTuple):
    needs: str
    name: str
    version: str
    size: int
    sha256: str
    tag: str

    def dist_info(self):
        return f"{self.name.replace('-', '_')}-{self.version}.dist-info"


def pinned():
    with open(os.path.join(HERE, "libtorch.txt"), encoding="utf-8") as lines:
        rows = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return [Wheel(*row[:3], int(row[3]), *row[4:]) for row in rows]


def system_has(library):
    folders = ["/usr/local/cuda/lib64", os.environ.get("CUDA_HOME", "/usr/local/cuda") + "/lib64",
               *os.environ.get("LD_LIBRARY_PATH", "").split(":")]
    if any(folder and os.path.exists(os.path.join(folder, library)) for folder in folders):
        return True
    listed = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False)
    return f"\t{library} " in listed.stdout


def wanted(wheels, cuda):
    for wheel in wheels:
        kind, _, library = wheel.needs.partition(":")
        if kind == "cpu" or (cuda and not (library and system_has(library))):
            yield wheel


def unpack_prefix(folder):
    return f".unpack-{os.path.basename(folder)}-"


def remove_leftovers(folder):
    """What a killed run left beside `folder`, whose lock the caller holds."""
    for leftover in glob.glob(os.path.join(os.path.dirname(folder), unpack_prefix(folder) + "*")):
        shutil.rmtree(leftover, ignore_errors=True)


def unpack(wheel_file, wheel, folder, kept):
    """Unpacks beside `folder` and moves file by file, *.dist-info last."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(folder),
                                     prefix=unpack_prefix(folder)) as scratch:
        with zipfile.ZipFile(wheel_file) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and
                     (name.startswith(kept) or name.startswith(wheel.dist_info() + "/"))]
            archive.extractall(scratch, names)
        for name in sorted(names, key=lambda name: name.startswith(wheel.dist_info())):
            target = os.path.join(folder, name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not name.startswith(wheel.dist_info()):
                os.replace(os.path.join(scratch, name), target)
        shutil.rmtree(os.path.join(folder, wheel.dist_info()), ignore_errors=True)
        os.replace(os.path.join(scratch, wheel.dist_info()), os.path.join(folder, wheel.dist_info()))


def fetch(missing, folder, kept=KEPT):
    for wheel in missing:
        download = os.path.join(os.path.dirname(folder), f"{wheel.name}-{wheel.version}.whl")
        code = subprocess.run([sys.executable, os.path.join(HERE, "fetch_wheel.py"), wheel.name,
                               wheel.version, download, "--sha256", wheel.sha256,
                               "--filename-tag", wheel.tag], check=False).returncode
        if code != 0:
            return code
        unpack(download, wheel, folder, kept)
        os.unlink(download)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--cuda", action="store_true", help="also what libtorch_cuda needs")
    parser.add_argument("--check", action="store_true", help="only say whether anything is missing")
    arguments = parser.parse_args()
    folder = os.path.abspath(arguments.folder)

    def missing():
        return [wheel for wheel in wanted(pinned(), arguments.cuda)
                if not os.path.isdir(os.path.join(folder, wheel.dist_info()))]

    if arguments.check or not missing():
        return 1 if missing() else 0
    os.makedirs(folder, exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_leftovers(folder)
        wheels = missing()
        if wheels:
            print(f"plateau: fetching LibTorch ({', '.join(wheel.name for wheel in wheels)}; "
                  f"{sum(wheel.size for wheel in wheels) / 1e6:.0f} MB) into {folder}",
                  file=sys.stderr, flush=True)
        return fetch(wheels, folder)


if __name__ == "__main__":
    sys.exit(main())
