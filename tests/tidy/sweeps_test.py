"""Every YAML below sweeps/, however deep, plans, and follows `plateau schema` (where jsonschema and PyYAML
are installed)."""
import json
import os
import re
import subprocess

import tidy


NUMBER = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$")


def core_numbers(node):
    """PyYAML reads YAML 1.1, where 1e-3 is a text; the grammar is YAML 1.2's core schema."""
    if isinstance(node, dict):
        return {key: core_numbers(value) for key, value in node.items()}
    if isinstance(node, list):
        return [core_numbers(value) for value in node]
    return float(node) if isinstance(node, str) and NUMBER.match(node) else node


def against_schema(source, build, sweeps):
    """What the JSON Schema that editors complete with says against our own sweeps."""
    try:
        import jsonschema
        import yaml
    except ImportError as error:
        print(f"{error.name} is not installed: the schema is not checked")
        return []
    if not hasattr(jsonschema, "Draft202012Validator"):  # Ubuntu 22.04's 3.2
        print(f"jsonschema {jsonschema.__version__} is too old (4.0 and later): the schema is not checked")
        return []
    schema = json.loads(subprocess.run([os.path.join(build, "bin", "plateau"), "schema"],
                                       capture_output=True, text=True, check=True).stdout)
    validator = jsonschema.Draft202012Validator(schema)
    found = []
    for path in sweeps:
        for error in validator.iter_errors(core_numbers(yaml.safe_load(tidy.read(source, path)))):
            found.append(f"{path}: {error.json_path}: not as `plateau schema` has it: "
                         f"{error.message[:200]}")
    return found


def findings(source, build):
    sweeps = tidy.files(source, ["sweeps"], (".yaml", ".yml"))
    if not sweeps:
        return ["sweeps/: has no YAML file at all"]
    found = []
    for path in sweeps:
        planned = subprocess.run([os.path.join(build, "bin", "plateau"), "plan",
                                  os.path.join(source, path), "--json"],
                                 capture_output=True, text=True, check=False)
        if planned.returncode != 0:
            found.append(f"{path}: plan exits with {planned.returncode}: {planned.stderr.strip()}")
            continue
        counts = json.loads(planned.stdout)
        print(f"{path}: {counts['trials']} trials, {counts['cells']} cells")
        if counts["trials"] < 1 or counts["cells"] < 1:
            found.append(f"{path}: plans nothing")
    return found + against_schema(source, build, sweeps)


if __name__ == "__main__":
    tidy.report(findings(tidy.SOURCE, tidy.BUILD), "every sweep plans")
