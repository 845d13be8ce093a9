"""That kernels are compiled is said once, on stderr, and never where they are kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rl_cluster.config.caches import KERNEL_CACHE
from rl_cluster.environment.compiling import NOTICE

CALL = """
from rl_cluster.environment.shared.keyed_random import key, uniform
print(uniform(key(1, 2, 3, 4), 5))
"""
EXPECT = """
from rl_cluster.environment.compiling import expect_compiling
from rl_cluster.environment.shared import keyed_random
for _ in range(2):
    expect_compiling("rl_cluster.environment.shared")
"""
OF_A_RUN = """
import sys
from rl_cluster.config.load import load_config
from rl_cluster.environment.tasks import expect_kernels
expect_kernels(load_config(sys.argv[1]))
"""
USERS = """
from numba import njit
import rl_cluster.environment
print(njit(lambda x: x + 1)(1))
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for kernels in which there is none."""
    monkeypatch.setenv(KERNEL_CACHE, str(tmp_path))
    return tmp_path


def _run(script: str, *words: str) -> tuple[str, str]:
    """What it prints on stdout and stderr."""
    command = [sys.executable, "-c", script, *words]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    return ended.stdout, ended.stderr


def test_compiling__is_said_once_and_only_where_kernels_are_not_kept(cache: Path) -> None:
    assert _run(EXPECT)[1] == f"{NOTICE}\n"

    first, second = _run(CALL), _run(CALL)

    assert first[1] == f"{NOTICE}\n"
    assert second == (first[0], "")
    assert _run(EXPECT)[1] == ""


@pytest.mark.parametrize("preset", ["debug", "navigate_demo"])
def test_compiling__in_other_processes_of_a_run_is_said_before_they_begin(preset: str, cache: Path) -> None:
    assert _run(OF_A_RUN, preset) == ("", f"{NOTICE}\n")


def test_compiling__of_a_users_own_kernel_is_not_said(cache: Path) -> None:
    assert _run(USERS) == ("2\n", "")
