"""A job finds the Python of the Ray above it, whatever its PATH holds."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rl_cluster.operations.entrypoint import SCRIPT, SCRIPT_NAME, entrypoint

WORDS = ["train", "run.yaml", "--out", "with space; $(touch harm)"]
AS_RAY = """
import subprocess, sys
sys.exit(subprocess.call(["sh", "-c", sys.argv[1]]))
"""
"""A process that starts the job below it, as Ray's node process does; its command line says what a test wants."""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The job's working directory."""
    (tmp_path / SCRIPT_NAME).write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "path").mkdir()
    for program in ("sh", "tr", "sed"):
        (tmp_path / "path" / program).symlink_to(str(shutil.which(program)))
    return tmp_path


def _python(path: Path) -> Path:
    """What tells its own name and arguments, and has Ray."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!{shutil.which("sh")}\n[ "$1" = -c ] || printf "%s\\n" "$0" "$@"\n', encoding="utf-8")
    path.chmod(0o700)
    return path


def _run(job: Path, *arguments: str, command: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", "-c", AS_RAY, command or entrypoint(WORDS), *arguments],
        cwd=job,
        env={"PATH": str(job / "path")},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@pytest.mark.parametrize("name", ["bin/python", "with space/bin/python3.11"])
def test_job__runs_with_the_python_of_its_ray(job: Path, name: str) -> None:
    python = _python(job / name)
    other = _python(job / "path" / "python")
    quoted = f'"{python}"' if " " in name else str(python)
    workers = f"--python_worker_command={quoted} /x/ray/setup_worker.py /x/ray/default_worker.py --a=b"

    for command in (entrypoint(WORDS), f"{shlex.join(['sh', SCRIPT_NAME, *WORDS])}; exit $?"):
        done = _run(job, "--head", workers, command=command)
        assert done.stdout.splitlines() == [str(python), "-m", "rl_cluster", *WORDS], done.stderr
    assert not (job / "harm").exists()
    assert other.exists()


def test_job__runs_with_the_python_of_the_path_where_ray_does_not_say(job: Path) -> None:
    _python(job / "path" / "python")

    for arguments in ((), ("--python_worker_command=/nowhere/python /x/setup_worker.py y",)):
        assert _run(job, *arguments).stdout.splitlines()[1:] == ["-m", "rl_cluster", *WORDS]


def test_job__without_any_python_ends_with_one_line(job: Path) -> None:
    done = _run(job)

    assert done.returncode == 2
    assert done.stderr == (
        "error: job: there is no Python with Ray on the PATH; activate Ray's environment before ray start\n"
    )


def test_script__is_clean_for_shellcheck(job: Path) -> None:
    shellcheck = Path(sys.executable).parent / "shellcheck"
    command = [str(shellcheck), "--shell=sh", SCRIPT_NAME]

    checked = subprocess.run(command, cwd=job, env=dict(os.environ), capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout
