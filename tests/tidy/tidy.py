"""What the tidy tests share: where the tree is, how a finding is reported, how a test is skipped.

Each test is a module with `findings(source, build) -> [str]`, so that self_test.py can plant a
violation in a copy and see it found.
"""
import os
import shutil
import sys

SOURCE = os.environ.get("PLATEAU_SOURCE_DIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("PLATEAU_BUILD_DIR") or os.path.join(SOURCE, "build", "release")
SKIPPED = 77
CODE = (".h", ".cc", ".cu", ".cuh")
NOT_OURS = {".git", "build", "runs", ".cache", "__pycache__"}


def files(source, folders, endings=CODE):
    """Paths relative to `source`, sorted: every file below `folders` with one of the endings."""
    found = []
    for folder in folders:
        for path, folders_below, names in os.walk(os.path.join(source, folder)):
            folders_below[:] = [name for name in folders_below if name not in NOT_OURS]
            found += [os.path.relpath(os.path.join(path, name), source) for name in names
                      if name.endswith(endings)]
    return sorted(found)


def read(source, path):
    with open(os.path.join(source, path), encoding="utf-8") as file:
        return file.read()


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def need_tool(name, why):
    if not shutil.which(name):
        skip(f"{name} is not installed ({why})")


def report(found, rule):
    for line in found:
        print(line)
    print(f"{rule}: {len(found)} violations" if found else f"{rule}: holds")
    sys.exit(1 if found else 0)
