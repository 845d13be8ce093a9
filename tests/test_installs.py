"""Nothing asks an index for a package of our name, and what nodes install is known by its hash."""

import re
import subprocess
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import rl_cluster

ROOT = Path(__file__).parents[1]
BY_NAME = re.compile(r"\bpip3?\s+(?:install|download|wheel)\b[^\n]*?[ '\"=]rl[-_]cluster(?![\w-]|/)[^\n]*")
LOCKED = re.compile(r"([\w.-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")
INSTALLING = ("docker/Dockerfile", "cluster_configs/aws.yaml", "cluster_configs/on_premise.yaml")


def _text_files() -> dict[str, str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [ROOT / name for name in names if name and Path(name) != Path(__file__).relative_to(ROOT)]
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8", errors="replace")
        for path in paths
        if path.is_file() and path.suffix not in {".png", ".ico"}
    }


def _versions(path: str) -> dict[str, str]:
    lines = [line for line in (ROOT / path).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    pairs = [line.split()[0].split("==") for line in lines]
    assert len({canonicalize_name(name) for name, _ in pairs}) == len(pairs)
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.mark.parametrize(
    ("words", "is_by_name"),
    [
        ("pip install rl-cluster", True),
        ("pip install --quiet 'rl_cluster[tracking]'", True),
        ('pip install "rl-cluster==0.1.0"', True),
        ("pip install --no-index dist/rl_cluster-0.1.0-py3-none-any.whl", False),
        ("~/rl-cluster/bin/pip install --requirement ~/rl-cluster-requirements.txt", False),
        ("pip install '.[tracking]'", False),
    ],
)
def test_pattern__finds_what_asks_an_index_for_our_name(words: str, is_by_name: bool) -> None:
    assert bool(BY_NAME.search(words)) == is_by_name


def test_files__never_ask_an_index_for_our_name() -> None:
    files = _text_files()

    assert len(files) > 100
    assert not {name: found[0] for name, text in files.items() if (found := BY_NAME.search(text))}


@pytest.mark.parametrize("name", INSTALLING)
def test_nodes__install_by_hash_or_from_the_wheel_that_was_built(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    commands = re.findall(r"^(?!#).*?\bpip ((?:install|wheel) .*)$", text, re.MULTILINE)

    assert len(commands) >= 2
    for command in commands:
        words = command.split()
        assert "--no-deps" in words
        assert ("--require-hashes" in words) != ("--no-index" in words)
    wheel = f"rl_cluster-{rl_cluster.__version__}-py3-none-any.whl"
    assert commands[-1].split()[-1].endswith(f"/{wheel}")


def test_lock__has_a_hash_for_everything_and_the_versions_that_are_tested() -> None:
    lines = (ROOT / "docker" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    locked, tested = _versions("docker/requirements.txt"), _versions("constraints.txt")

    assert all(LOCKED.fullmatch(line) for line in lines if not line.startswith("#"))
    assert not {name: version for name, version in locked.items() if tested.get(name, version) != version}
    # Beyond what is tested here: what torch brings for GPUs.
    assert {name for name in locked.keys() - tested.keys() if not name.startswith(("nvidia-", "cuda-"))} <= {"triton"}


def test_lock__holds_all_that_the_package_and_its_dependencies_ask_for() -> None:
    locked = _versions("docker/requirements.txt")
    waiting, seen = [("rl-cluster", "tracking")], set[tuple[str, str]]()

    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for asked in map(Requirement, requires(name) or []):
            if asked.marker is None or asked.marker.evaluate({"extra": extra}):
                needed = canonicalize_name(asked.name)
                assert needed in locked, f"{name} asks for {needed}: run docker/lock.py"
                assert asked.specifier.contains(locked[needed], prereleases=True), asked
                waiting += [(needed, one) for one in ("", *asked.extras)]

    assert len(seen) > 100
