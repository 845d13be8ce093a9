"""The folder of a Ray of our own goes with its owner, or with the next one."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from rl_cluster.errors import ClusterError
from rl_cluster.rllib.own_ray_folder import make_own_folder, remove_left_folders

OWN = """
import sys
from contextlib import ExitStack
from pathlib import Path
from rl_cluster.rllib.own_ray_folder import make_own_folder
with ExitStack() as ending:
    folder = make_own_folder(Path(sys.argv[1]), ending)
    (folder / "token").write_text("secret")
    print("holds", flush=True)
    sys.stdin.read()
"""


def test_make_own_folder__is_private_and_goes_at_the_end(tmp_path: Path) -> None:
    with ExitStack() as ending:
        folder = make_own_folder(tmp_path, ending)
        assert folder.stat().st_mode & 0o777 == 0o700
        remove_left_folders(tmp_path)
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_make_own_folder__deletes_what_a_killed_owner_left_and_nothing_of_a_living_one(tmp_path: Path) -> None:
    (tmp_path / "rlc-abcdefgh").mkdir(mode=0o700)  # of somebody who is just making it
    (tmp_path / "rlc-ijklmnop").symlink_to("rlc-abcdefgh")
    others = set(tmp_path.iterdir())
    with subprocess.Popen(
        [sys.executable, "-c", OWN, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "holds\n"
        remove_left_folders(tmp_path)
        (folder,) = set(tmp_path.iterdir()) - others
        assert (folder / "token").read_text() == "secret"
        owner.kill()

    with ExitStack() as ending:
        make_own_folder(tmp_path, ending)
        assert not folder.exists()
    assert set(tmp_path.iterdir()) == others


def test_make_own_folder__says_what_to_do_where_none_can_be_made(tmp_path: Path) -> None:
    with ExitStack() as ending, pytest.raises(ClusterError, match="make it writable, or make room; or train with"):
        make_own_folder(tmp_path / "missing", ending)
