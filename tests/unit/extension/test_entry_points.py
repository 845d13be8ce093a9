"""What installed packages add, by name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.extension.entry_points import HEURISTICS, installed

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a package with one entry point on the path, as pip does."""

    def install_package(package: str, point: str) -> None:
        folder = tmp_path / f"{package}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
        (folder / "entry_points.txt").write_text(f"[{HEURISTICS}]\n{point}\n", encoding="utf-8")

    monkeypatch.syspath_prepend(str(tmp_path))
    return install_package


def test_installed__finds_what_packages_declare(install: Install) -> None:
    install("swift", "swift = swift.mine:Swift")
    install("slow", "slow = slow.mine:Slow")

    assert installed(HEURISTICS, ["greedy"]) == {"slow": "slow.mine:Slow", "swift": "swift.mine:Swift"}
    assert installed("rl_cluster.nothing", []) == {}


def test_installed__refuses_the_name_of_a_built_in(install: Install) -> None:
    install("swift", "greedy = swift.mine:Swift")

    with pytest.raises(ConfigError) as caught:
        installed(HEURISTICS, ["greedy"])

    assert str(caught.value) == (
        "rl_cluster.heuristics: the package swift adds greedy, which is the name of a built-in; "
        "rename its entry point, or uninstall swift"
    )


def test_installed__refuses_one_name_of_two_packages(install: Install) -> None:
    install("swift", "quick = swift.mine:Swift")
    install("slow", "quick = slow.mine:Slow")

    with pytest.raises(ConfigError, match=r"two packages add quick: .*; uninstall one of them"):
        installed(HEURISTICS, ["greedy"])
