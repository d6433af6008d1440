"""docker-compose.yml and the Dockerfile, as far as a machine without a container engine can tell."""
import os
import shutil
import subprocess

import tidy

DOCKERFILE = "common/build/Dockerfile"


def compose_command():
    """The first compose that is here: docker's plugin, the program, or the Python module."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) and subprocess.run(command + ["version"], capture_output=True,
                                                       check=False).returncode == 0:
            return command
    return None


def findings(source, _build):
    found, looked = [], []
    compose = compose_command()
    if compose:
        looked.append("compose config")
        checked = subprocess.run(compose + ["-f", os.path.join(source, "docker-compose.yml"),
                                            "config", "--quiet"],
                                 capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            found.append(f"docker-compose.yml: {checked.stderr.strip()}")
    if shutil.which("hadolint"):
        looked.append("hadolint")
        checked = subprocess.run(["hadolint", "--failure-threshold", "warning",
                                  os.path.join(source, DOCKERFILE)],
                                 capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            found.append(checked.stdout.strip() or checked.stderr.strip())
    print(f"looked with: {', '.join(looked) or 'nothing'}")
    return found if looked else None


if __name__ == "__main__":
    result = findings(tidy.SOURCE, tidy.BUILD)
    if result is None:
        tidy.skip("neither compose nor hadolint is installed")
    tidy.report(result, "compose file and Dockerfile")
