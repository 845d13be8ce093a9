"""Whoever cannot write the package, or a home, still has a place for what is compiled, which nobody else can write."""

import logging
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rl_cluster.config import caches
from rl_cluster.config.caches import KERNEL_CACHE, PLOT_CACHE, choose_kernel_cache, choose_plot_cache
from rl_cluster.config.user_folders import NO_HOME, can_be_written, has_writable_home, home_folder, private_folder
from rl_cluster.errors import ConfigError


def _choose() -> None:
    choose_plot_cache()
    choose_kernel_cache()


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who can write neither the package nor a home; gives the temporary folder."""
    for name in ("kernels", "home", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "kernels" / "kernel.py").touch()
    (tmp_path / "kernels" / "__pycache__").touch()  # as good as a folder that cannot be written, also for root
    (tmp_path / "home" / ".cache").touch()
    monkeypatch.setattr(caches, "KERNELS", tmp_path / "kernels")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in (KERNEL_CACHE, PLOT_CACHE, "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")
    return tmp_path / "tmp"


def test_caches__of_a_user_without_a_home_are_private_and_told_of_once(
    homeless: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        _choose()
        kernels = Path(os.environ[KERNEL_CACHE])
        kernels.mkdir()
        os.environ[KERNEL_CACHE] = ""  # as another process of the same user
        _choose()

    assert Path(os.environ[KERNEL_CACHE]) == kernels
    assert kernels.parent == Path(os.environ[PLOT_CACHE]).parent == homeless / f"rl-cluster-{os.geteuid()}"
    assert stat.S_IMODE(kernels.parent.stat().st_mode) == 0o700
    assert caplog.text.count(f"export {KERNEL_CACHE}=DIR to keep them") == 1


def test_caches__of_a_user_with_a_home_are_where_libraries_put_them(
    homeless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    _choose()

    assert (os.environ[KERNEL_CACHE], os.environ[PLOT_CACHE]) == ("", "")
    assert list(homeless.iterdir()) == []


def test_caches__that_are_named_and_cannot_be_written_are_refused(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KERNEL_CACHE, str(homeless.parent / "home" / ".cache" / "x"))

    with pytest.raises(
        ConfigError, match=f"{KERNEL_CACHE}=.* cannot be written; name a folder that this user can write"
    ):
        _choose()


@pytest.mark.parametrize("kind", ["link", "file", "shared"])
def test_private_folder__is_never_what_somebody_else_may_have_made(kind: str, homeless: Path) -> None:
    taken = homeless / f"rl-cluster-{os.geteuid()}"
    if kind == "link":
        taken.symlink_to(homeless.parent / "home")
    elif kind == "file":
        taken.touch()
    else:
        taken.mkdir()
        taken.chmod(0o777)

    folder = private_folder()

    assert folder != taken
    assert not folder.is_symlink()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert can_be_written(folder / "new" / "newer")


def test_private_folder__that_cannot_be_made_says_what_to_export(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(homeless / "missing"))

    with pytest.raises(ConfigError, match="export TMPDIR=DIR, or HOME=DIR"):
        private_folder()


HOMELESS = """
import os
os.environ.pop("HOME", None)
os.setuid(4321)
from rl_cluster.config.caches import name_home
from rl_cluster.config.user_folders import has_writable_home, home_folder
for _ in range(2):
    assert not has_writable_home()
    try:
        home_folder("give --out")
    except Exception as error:
        print(error)
    name_home()
from pathlib import Path
assert Path.home() == Path("/nonexistent")
"""


def test_home__of_a_number_without_a_name_is_asked_for(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can become a user without a name")
    source = Path(caches.__file__).parents[2]
    script = f"import sys; sys.path.insert(0, {str(source)!r})\nimport rl_cluster.config.caches\n{HOMELESS}"

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("this user has no home folder") == ended.stdout.count("; give --out\n") == 2


def test_home__that_does_not_exist_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(NO_HOME))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    assert not has_writable_home()  # not even by root, who could make it
    with pytest.raises(ConfigError, match=r"this user has no home folder: .*; give --out"):
        home_folder("give --out")


def test_home__is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert home_folder("give --out") == tmp_path
