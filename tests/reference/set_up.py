#!/usr/bin/env python3
"""Makes the virtual environment that the reference tests run in: requirements.txt, exactly.

    set_up.py FOLDER LIBTORCH

A finished environment is left alone until requirements.txt changes. torch's wheel wants CUDA's
libraries even on a machine without a GPU: those of LIBTORCH and of an installed toolkit are used
when they suffice (run_reference.py puts them on the path), else torch's own packages are installed.
Exit codes: 0 done, 2 this Python is too old, 5 network, disk, or no venv module.
"""
import hashlib
import os
import subprocess
import sys

import run_reference

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")


def say(text):
    print(f"plateau: {text}", file=sys.stderr, flush=True)


def fail(code, text):
    say(text)
    sys.exit(code)


def pip(folder, *arguments):
    command = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet",
               "--disable-pip-version-check", *arguments]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        fail(5, "the reference libraries could not be installed; the lines above say why. The same "
                "command tries again")


def imports_torch(folder, libtorch):
    return subprocess.run([os.path.join(folder, "bin", "python"), "-c", "import torch"],
                          env=run_reference.environment(libtorch), stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def main(folder, libtorch):
    if sys.version_info < (3, 11):
        fail(2, f"the reference libraries need Python 3.11, this is {sys.version.split()[0]}")
    with open(REQUIREMENTS, "rb") as file:
        wanted = hashlib.sha256(file.read() + sys.version.encode()).hexdigest()
    stamp = os.path.join(folder, "complete")
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return
    say(f"installing peft, transformers, pyreft, adapters and torch into {folder} (0.7 GB to fetch)")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder], stdout=sys.stderr,
                          check=False)
    if made.returncode != 0:
        fail(5, "python3 -m venv failed; on Debian and Ubuntu an administrator would run: apt-get "
                "install python3-venv")
    pip(folder, "--no-deps", "-r", REQUIREMENTS)
    if not imports_torch(folder, libtorch):
        say("torch does not start with the CUDA libraries that are here: fetching its own (2 GB)")
        pip(folder, "torch==2.11.0")
    if not imports_torch(folder, libtorch):
        fail(5, f"torch cannot be imported; {folder}/bin/python -c 'import torch' says why")
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        fail(2, __doc__)
    main(*sys.argv[1:])
