"""`train --seeds` with Ray: runs side by side start a Ray of their own each, and do not meet."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rl_cluster.training.checkpoints.checkpoint import find_checkpoint
from tests.ray.test_resume import REPOSITORY, SETTINGS, TRAIN

AT_ONCE = """
import os, sys
from rl_cluster.cli import main

os.sched_getaffinity = lambda process: {0, 1}  # so that two runs begin at once on any machine
main(sys.argv[1:])
"""


@pytest.mark.long
def test_seeds__side_by_side_have_a_ray_of_their_own_each(tmp_path: Path) -> None:
    words = [*TRAIN[3:], *SETTINGS, "sampling.num_env_runners=0", "training.iterations=2"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}

    trained = subprocess.run(
        [sys.executable, "-c", AT_ONCE, *words, "--seeds", "0,1", "--out", str(tmp_path / "seeds")],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.startswith(f"folder: {tmp_path / 'seeds'}; 2 runs, 2 at once")
    for seed in (0, 1):
        assert find_checkpoint(tmp_path / "seeds" / f"seed-{seed}").folder.name == "checkpoint-000002"
