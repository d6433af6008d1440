"""The README's commands work: every ```sh block of README.md is run, line by line, as written.

Left out are the tests' own commands (they would run themselves) and full builds (`cmake --build`):
the tree this runs in was built just now. The quickstart gets --smoke. Blocks run in a folder that
looks like a fresh clone: links to what is in the tree, but no runs/.
"""
import os
import re
import subprocess
import sys
import tempfile

import tidy

LEFT_OUT = re.compile(r"plateau test|^ctest|cmake --build|git clone|^cd ")


def blocks(text):
    """[(line number, commands)] of each ```sh block; comments are dropped, lines ending in \\ joined."""
    found = []
    for match in re.finditer(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        body = match.group(1).replace("\\\n", " ")
        commands = [re.sub(r"\s+#.*$", "", line).strip() for line in body.splitlines()]
        found.append((text[:match.start()].count("\n") + 2,
                      [line for line in commands if line and not line.startswith("#")]))
    return found


def prepared(command):
    """The command as it is run here, or None."""
    command = " && ".join(part for part in command.split(" && ") if not LEFT_OUT.search(part))
    if re.search(r"plateau run \S*quickstart\.yaml", command) and "--smoke" not in command:
        command += " --smoke"
    # A smoke run has a run folder of its own.
    return re.sub(r"(plateau (status|results \w+|export)) quickstart\b", r"\1 quickstart-smoke",
                  command) or None


def findings(source, _build):
    found, ran = [], 0
    with tempfile.TemporaryDirectory(prefix="plateau-readme-") as folder:
        for name in os.listdir(source):
            if name not in tidy.NOT_OURS - {".git"}:
                os.symlink(os.path.join(source, name), os.path.join(folder, name))
        for line, commands in blocks(tidy.read(source, "README.md")):
            for command in filter(None, map(prepared, commands)):
                print(f"README.md:{line}: $ {command}", flush=True)
                code = subprocess.run(["bash", "-euo", "pipefail", "-c", command], cwd=folder,
                                      stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                      stdout=sys.stdout, check=False).returncode
                ran += 1
                if code != 0:
                    found.append(f"README.md:{line}: exits with {code}: {command}")
                    break  # what follows in a block builds on it
    return found if ran else ["README.md: has no ```sh block that could be run"]


if __name__ == "__main__":
    tidy.report(findings(tidy.SOURCE, tidy.BUILD), "the README's commands work")
