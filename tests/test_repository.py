"""What may lie in the repository: small files, and no packages of other people."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAX_BYTES = 500_000


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """All files that git knows of, or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_repository__holds_no_large_file(files: list[Path]) -> None:
    large = {str(path.relative_to(ROOT)): size for path in files if (size := path.stat().st_size) > MAX_BYTES}

    assert files
    assert not large


def test_repository__holds_no_package(files: list[Path]) -> None:
    assert not [path.name for path in files if path.suffix in {".whl", ".egg", ".deb"}]
