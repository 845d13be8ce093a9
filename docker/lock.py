"""Writes docker/requirements.txt: every package of a node with its version and the hash of its file.

    python3.11 docker/lock.py >docker/requirements.txt      # after each change of pyproject.toml or constraints.txt

pip chooses the files for the machine that this runs on: Linux on x86-64 with glibc 2.34 or later, as in the image. It
asks its default index, whatever this machine's settings name besides.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEADER = """\
# What nodes install besides this package itself: python3.11 docker/lock.py >docker/requirements.txt
# For Linux on x86-64 with glibc 2.34 or later, Python 3.11: pip install --require-hashes --no-deps --requirement FILE
"""


def main() -> None:
    """Prints the file."""
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--only-binary", ":all:",
        "--report", "-", "--constraint", "constraints.txt", ".[tracking]",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if name == "PIP_CERT" or "PIP_" not in name}
    answer = subprocess.run(
        command,
        cwd=ROOT,
        env=environment | {"PIP_CONFIG_FILE": os.devnull},
        stdout=subprocess.PIPE,
        check=True,
    )
    lines = []
    for package in json.loads(answer.stdout)["install"]:
        name, version = package["metadata"]["name"], package["metadata"]["version"]
        if package["download_info"]["url"].startswith("https://"):  # the package itself is a folder
            digest = package["download_info"]["archive_info"]["hashes"]["sha256"]
            lines.append(f"{name}=={version} --hash=sha256:{digest}")
    sys.stdout.write(HEADER + "\n".join(sorted(lines, key=str.lower)) + "\n")


if __name__ == "__main__":
    main()
