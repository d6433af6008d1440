"""A library names the libraries whose headers it includes, itself or through those it names.

Static libraries link whatever they like as long as some program happens to name the missing one
too; the order in which a clean build links shows the gap, so it is looked for here.
"""
import os
import re

import tidy

LIBRARY = re.compile(r"plateau_library\(\s*(\w+)([^)]*)\)")
INCLUDE = re.compile(r'^#include "((?:common|coordinator|worker|tests)/[^"]+)"', re.MULTILINE)


def libraries(source):
    """{name: (its .cc files, the libraries it names)} as every CMakeLists.txt declares."""
    declared = {}
    for path in tidy.files(source, ["common", "coordinator", "worker", "tests"], ("CMakeLists.txt",)):
        folder = os.path.dirname(path)
        for name, words in LIBRARY.findall(tidy.read(source, path)):
            sources, _, deps = words.partition("DEPS")
            files = re.findall(r"[\w./]+\.cc", sources)
            declared[name] = ([os.path.normpath(os.path.join(folder, file)) for file in files],
                              re.findall(r"plateau_\w+", deps))
    return declared


def reachable(name, declared):
    seen, todo = set(), [name]
    while todo:
        library = todo.pop()
        if library in declared and library not in seen:
            seen.add(library)
            todo += declared[library][1]
    return seen


def compiled_in(header, declared):
    """The libraries that compile the header's .cc file, if there is one."""
    stem = header[:-len(".h")] + ".cc"
    return {name for name, (sources, _) in declared.items() if stem in sources}


def included(source, path):
    """The tree's headers that a file includes, itself or through others of them."""
    seen, todo = set(), [path]
    while todo:
        for header in INCLUDE.findall(tidy.read(source, todo.pop())):
            if header not in seen and os.path.exists(os.path.join(source, header)):
                seen.add(header)
                todo.append(header)
    return sorted(seen)


def findings(source, _build):
    declared = libraries(source)
    found = []
    for name, (sources, _) in sorted(declared.items()):
        named = reachable(name, declared)
        for path in sources:
            for header in included(source, path):
                owners = compiled_in(header, declared)
                if owners and not owners & named:
                    found.append(f"{path}: includes {header}, but {name} does not name "
                                 f"{' or '.join(sorted(owners))} in its DEPS")
    return found


if __name__ == "__main__":
    tidy.report(findings(tidy.SOURCE, tidy.BUILD), "libraries name what they use")
