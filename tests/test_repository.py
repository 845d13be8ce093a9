"""What may lie in the repository: small files, no packages of other people, and forms that GitHub understands."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import rl_cluster

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
MAX_BYTES = 500_000
FORMS = {
    "workflows/*.yml": "vendor.github-workflows",
    "ISSUE_TEMPLATE/[!c]*.yml": "vendor.github-issue-forms",
    "ISSUE_TEMPLATE/config.yml": "vendor.github-issue-config",
}
"""Files below .github -> the schema that they follow."""


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """All files that git knows of, or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_repository__holds_no_large_file(files: list[Path]) -> None:
    large = {str(path.relative_to(ROOT)): size for path in files if (size := path.stat().st_size) > MAX_BYTES}

    assert files
    assert not large


def test_repository__holds_no_package(files: list[Path]) -> None:
    assert not [path.name for path in files if path.suffix in {".whl", ".egg", ".deb"}]


@pytest.mark.parametrize("pattern", FORMS)
def test_github_files__follow_their_schema(pattern: str) -> None:
    paths = sorted(map(str, GITHUB.glob(pattern)))
    tool = Path(sys.executable).with_name("check-jsonschema")

    assert paths
    subprocess.run([tool, "--builtin-schema", FORMS[pattern], *paths], check=True)


def test_workflow__runs_what_developers_run_and_pins_actions_by_their_hash() -> None:
    (job,) = _load(GITHUB / "workflows" / "ci.yml")["jobs"].values()
    used, run = ([step[key] for step in job["steps"] if key in step] for key in ("uses", "run"))

    assert run == [".ci/run"]
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", action) for action in used)


def test_pre_commit__has_the_checks_of_make_check() -> None:
    (repository,) = _load(ROOT / ".pre-commit-config.yaml")["repos"]
    hooks = {hook["entry"].split()[-1] for hook in repository["hooks"]}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    checked = re.search(r"^check:.*\n\t\$\(MAKE\) .*?--output-sync=target (.*)$", makefile, re.MULTILINE)
    assert checked
    assert hooks == set(checked[1].split())


def test_version__is_the_same_wherever_a_wheel_or_an_image_is_named(files: list[Path]) -> None:
    """`rl_cluster/__init__.py` holds it; operators copy it from the others."""
    named = re.compile(r"rl_cluster-(\d+\.\d+\.\d+)-py3|rl-cluster:(\d+\.\d+\.\d+)")
    shown = {
        f"{path.relative_to(ROOT)}: {version}"
        for path in files
        if path.suffix in {"", ".md", ".sbatch", ".yaml"} and "tests" not in path.parts
        for version in map("".join, named.findall(path.read_text(encoding="utf-8")))
    }

    assert shown
    assert not {line for line in shown if not line.endswith(f": {rl_cluster.__version__}")}


def test_changelog__begins_with_what_is_unreleased_and_knows_this_version() -> None:
    titles = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert titles[0] == "[Unreleased]"
    assert any(re.fullmatch(rf"\[{re.escape(rl_cluster.__version__)}\] - \d{{4}}-\d\d-\d\d", title) for title in titles)
