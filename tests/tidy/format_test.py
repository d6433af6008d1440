"""clang-format agrees with every C++ file of the tree."""
import re
import subprocess

import tidy

FOLDERS = ["common", "coordinator", "worker", "tests"]


def findings(source, _build):
    checked = subprocess.run(["clang-format", "--dry-run", *tidy.files(source, FOLDERS)], cwd=source,
                             capture_output=True, text=True, check=False)
    lines = [line for line in checked.stderr.splitlines() if "clang-format-violations" in line]
    if checked.returncode != 0 and not lines:
        return checked.stderr.splitlines()
    first = {line.split(":")[0]: line for line in reversed(lines)}  # one line a file is enough
    return sorted(first.values())


if __name__ == "__main__":
    tidy.need_tool("clang-format", "apt-get install clang-format")
    version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True,
                             check=True).stdout
    if not re.search(r"version 14\.", version):
        tidy.skip(f"the tree is formatted with clang-format 14; here is {version.strip()}")
    tidy.report(findings(tidy.SOURCE, tidy.BUILD), "clang-format (repair: clang-format -i FILE)")
