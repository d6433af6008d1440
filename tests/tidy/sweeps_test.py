"""Every YAML below sweeps/, however deep, plans."""
import json
import os
import subprocess

import tidy


def findings(source, build):
    sweeps = tidy.files(source, ["sweeps"], (".yaml", ".yml"))
    found = [] if sweeps else ["sweeps/: has no YAML file at all"]
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
    return found


if __name__ == "__main__":
    tidy.report(findings(tidy.SOURCE, tidy.BUILD), "every sweep plans")
