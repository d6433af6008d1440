#!/usr/bin/env python3
"""Puts Arrow's C++ library into a folder, out of the pyarrow wheel. Standard library only.

    fetch_arrow.py FOLDER

FOLDER then holds pyarrow/include, libarrow and libparquet, 65 MB; the wheel is 55 MB to fetch. As with
fetch_libtorch.py an interrupted run is simply repeated. Exit codes: those of fetch_wheel.py.
"""
import fcntl
import os
import sys

import fetch_libtorch

WHEEL = fetch_libtorch.Wheel("parquet", "pyarrow", "26.0.1", 55016622,
                             "39cb0f2418282c24bea6ceda77b03e5a8f0a5766b63a8bf194d4e2a2c423548c",
                             "cp311-cp311-manylinux_2_28_x86_64")
KEPT = ("pyarrow/include/arrow/", "pyarrow/include/parquet/", "pyarrow/libarrow.so.",
        "pyarrow/libparquet.so.")


def main(folder):
    folder = os.path.abspath(folder)

    def is_there():
        return os.path.isdir(os.path.join(folder, WHEEL.dist_info()))

    if is_there():
        return 0
    os.makedirs(folder, exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fetch_libtorch.remove_leftovers(folder)
        if is_there():
            return 0
        print(f"plateau: fetching Arrow (pyarrow; {WHEEL.size / 1e6:.0f} MB) into {folder}",
              file=sys.stderr, flush=True)
        return fetch_libtorch.fetch([WHEEL], folder, KEPT)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(main(sys.argv[1]))
