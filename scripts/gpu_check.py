"""Checks on a GPU what only a GPU can show, in one command and without Ray.

    python3.11 scripts/gpu_check.py [--environment FOLDER | --here] [--json FILE]

The script makes a virtual environment with what the package needs except Ray, in the versions of `constraints.txt`, and
runs `benchmarks.gpu_check` in it. The environment is kept for the next run. This file itself needs Python's standard
library alone.
"""

import argparse
import ctypes
import os
import re
import subprocess
import sys
import time
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 450.0
"""Seconds for everything, the installation included."""
TOOLS = ("pytest", "hypothesis")
"""Development packages that the tests import."""


def has_gpu() -> bool:
    """Whether NVIDIA's driver sees a GPU. torch will ask the same, but is not installed yet."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def requirements() -> list[str]:
    """What the check installs: the package's own requirements without Ray, and the tests' tools."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tools = [line for line in project["optional-dependencies"]["dev"] if name_of(line) in TOOLS]
    return [line for line in project["dependencies"] if name_of(line) != "ray"] + tools


def name_of(requirement: str) -> str:
    """The package that a requirement asks for."""
    found = re.match(r"[\w.-]+", requirement)
    assert found, "a requirement begins with a name"
    return found[0]


def make_environment(folder: Path) -> Path:
    """Makes the environment unless it is there already; returns its Python."""
    python, done, wanted = folder / "bin" / "python", folder / "installed", "\n".join(requirements())
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return python
    print(f"installing into {folder}", flush=True)
    venv.create(folder, clear=True, with_pip=True)
    constraints = str(ROOT / "constraints.txt")
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", "--constraint", constraints]
    subprocess.run([*command, *requirements()], check=True)
    done.write_text(wanted, encoding="utf-8")
    return python


def main() -> int:
    """Installs, and passes the time that is left on to the check. Exit code 2 without a GPU."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--environment", type=Path, default=ROOT / ".venv-gpu", metavar="FOLDER", help="where to install"
    )
    place.add_argument("--here", action="store_true", help="install nothing: use the packages of this Python")
    parser.add_argument("--json", type=Path, default=ROOT / "docs" / "results" / "gpu.json", help="the file to write")
    arguments = parser.parse_args()
    start_s = time.monotonic()
    if not has_gpu():
        parser.exit(2, "error: gpu-check: NVIDIA's driver sees no GPU here; run it on a machine that has one\n")
    try:
        python = Path(sys.executable) if arguments.here else make_environment(arguments.environment)
    except subprocess.CalledProcessError:
        parser.exit(
            2,
            "error: gpu-check: the environment was not made, see above; install python3.11-venv, or free disk space\n",
        )
    left_s = LIMIT_S - (time.monotonic() - start_s)
    command = [str(python), "-m", "benchmarks.gpu_check", "--json", str(arguments.json.resolve())]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, "--time-limit-s", f"{left_s:.0f}"], cwd=ROOT, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
