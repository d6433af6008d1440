"""The arrows of the layout, from what the compiler really read (`ninja -t deps`).

Transitive includes count, which a look at the #include lines would miss; link lists alone do not
protect the layers either, since the headers of third parties are on the path anyway.
"""
import os
import re
import subprocess

import tidy

ZMQ, ASIO, SQLITE, YAML = r"/zmq(_addon)?\.h(pp)?$", r"/boost/asio", r"/sqlite3\.h$", r"/yaml-cpp/"
TORCH, PROTOBUF = r"/(torch|ATen|c10)/", r"/google/protobuf/"
THREADS = r"/c\+\+/\d+/(thread|mutex|shared_mutex|condition_variable|future)$"
WIRE, TRANSPORT, SPEC_YAML = r"^common/wire/", r"^common/transport/", r"^common/spec/yaml/"
CATALOGUE, COORDINATOR, WORKER = r"^common/catalogue/", r"^coordinator/", r"^worker/"
IO = [ZMQ, ASIO, SQLITE, YAML, TORCH, PROTOBUF, THREADS]

# Sources below these paths may not read headers that match. A path is relative to the tree when it
# lies in it, and absolute otherwise.
RULES = [
    ("common/", [COORDINATOR, WORKER, TORCH, SQLITE]),
    ("common/base/", [ZMQ, ASIO, YAML, PROTOBUF, r"^common/(?!base/)", r"/nlohmann/", r"/spdlog/"]),
    ("common/spec/", [ZMQ, ASIO, PROTOBUF, WIRE, TRANSPORT, CATALOGUE]),
    ("common/wire/", [ZMQ, ASIO, YAML, TRANSPORT, CATALOGUE]),
    ("common/transport/", [YAML, r"^common/(spec|wire|catalogue)/"]),
    ("coordinator/", [WORKER, TORCH]),
    ("coordinator/scheduler/", IO + [WIRE, TRANSPORT, CATALOGUE, SPEC_YAML,
                                     r"^coordinator/(?!scheduler/)"]),
    ("coordinator/search/", IO + [WIRE, TRANSPORT, CATALOGUE, SPEC_YAML,
                                  r"^coordinator/(?!search/)"]),
    ("coordinator/store/", [ZMQ, ASIO, YAML]),
    ("coordinator/gateway/", [ASIO, SQLITE, YAML]),
    ("coordinator/results/", [ZMQ, ASIO, SQLITE, YAML, PROTOBUF]),
    ("worker/", [COORDINATOR, SQLITE, YAML]),
    ("worker/agent/", [TORCH, r"^worker/(trainer|kernels)/"]),
    ("worker/agent/agent_state", IO + [TRANSPORT]),
    ("worker/runner/", [ZMQ, ASIO, TORCH, PROTOBUF, WIRE, TRANSPORT,
                        r"^worker/(agent|trainer|kernels)/"]),
    ("worker/trainer/", [ZMQ, ASIO, PROTOBUF, WIRE, TRANSPORT, SPEC_YAML,
                         r"^worker/(agent|runner)/"]),
    ("worker/kernels/", [ZMQ, ASIO, PROTOBUF, WIRE, TRANSPORT, SPEC_YAML,
                         r"^worker/(agent|runner|trainer)/"]),
]


def dependencies(source, build):
    """{source file: the files its compilation read}, tree-relative where they lie in the tree."""
    listed = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True,
                            check=True).stdout
    read = {}
    for block in listed.split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("ninja:")]
        if len(lines) < 2 or "(STALE)" in lines[0]:
            continue
        paths = []
        for line in lines[1:]:
            path = os.path.normpath(os.path.join(build, line.strip()))
            inside = path.startswith(source + os.sep) and not path.startswith(build + os.sep)
            paths.append(os.path.relpath(path, source) if inside else path)
        ours = [path for path in paths if path.endswith((".cc", ".cu")) and path[0] != "/"]
        if ours:
            read.setdefault(ours[0], set()).update(paths)
    return read


def findings(source, build):
    read = dependencies(source, build)
    found = []
    for layer, forbidden in RULES:
        members = [path for path in read if path.startswith(layer)]
        for path in sorted(members):
            for header in sorted(read[path]):
                for pattern in forbidden:
                    if re.search(pattern, header):
                        found.append(f"{path}: reads {header}, which {layer} must not include")
        on_disk = [path for path in tidy.files(source, [layer.rstrip("/")], (".cc",))
                   if path.startswith(layer)]
        if on_disk and not members and has_trainer(build, layer):
            found.append(f"{layer}: has {len(on_disk)} sources, but none was compiled in {build}")
    return found


def has_trainer(build, layer):
    """False for the trainer's layers in a build that leaves them out (the sanitizer presets)."""
    if not layer.startswith(("worker/trainer", "worker/kernels")):
        return True
    return "PLATEAU_TRAINER:BOOL=ON" in tidy.read(build, "CMakeCache.txt")


if __name__ == "__main__":
    tidy.report(findings(tidy.SOURCE, tidy.BUILD), "the arrows of the layout")
