"""Runs a script in the reference environment, or skips it (exit 77) when there is none.

    run_reference.py SCRIPT [ARGUMENTS]

PLATEAU_REFERENCE is the folder that set_up.py made; PLATEAU_LIBTORCH, LibTorch's.
"""
import glob
import os
import sys


def environment(libtorch):
    """This one's variables, with the CUDA libraries that torch's wheel is linked to on the path."""
    folders = sorted(glob.glob(os.path.join(libtorch, "nvidia", "*", "lib")))
    folders += ["/usr/local/cuda/lib64", *os.environ.get("LD_LIBRARY_PATH", "").split(":")]
    return dict(os.environ, LD_LIBRARY_PATH=":".join(filter(None, folders)),
                HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")


def main(words):
    folder = os.environ.get("PLATEAU_REFERENCE")
    if not folder:
        print("skipped: needs peft, transformers, pyreft and adapters: ./plateau test --with-reference")
        return 77
    python = os.path.join(folder, "bin", "python")
    os.execve(python, [python, *words], environment(os.environ.get("PLATEAU_LIBTORCH", "")))
    return 70


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
