"""The documents' figures are those of docs/results, and their commands exist."""

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from mkdocs.config import load_config as load_site_config

from benchmarks.documents.reference import metrics_page, settings_page
from benchmarks.documents.site import on_page_markdown
from benchmarks.documents.tables import DOCUMENTS, with_tables
from rl_cluster.config.load import PRESETS, load_config
from rl_cluster.environment.tasks import TASKS
from rl_cluster.metrics.names import CATALOGUE

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
OF_THE_SYSTEM = {
    *("cd", "chmod", "cp", "export", "mkdir", "openssl", "printf", "sed", "ssh", "umask"),
    *("docker", "git", "kubectl", "make", "prometheus", "sbatch"),
}
"""What a shell or an operator's machine has, and Prometheus, which `make install` puts aside."""
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENTS[1].read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_document__shows_the_figures_of_the_results(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    assert "<!-- table " in text
    assert with_tables(text) == text


@pytest.mark.parametrize("page", ["README.md", "docs/navigate.md", "docs/scenarios.md"])
def test_page__names_only_presets_that_ship(page: str) -> None:
    named = re.findall(r"rl_?-?cluster train ([a-z_]+)", (ROOT / page).read_text(encoding="utf-8"))

    assert named
    assert set(named) <= PRESETS.keys()


@pytest.mark.parametrize("preset", ["quick_demo", "navigate_demo"])
def test_reference__has_every_setting(preset: str) -> None:
    page, settings = settings_page(), load_config(preset).model_dump(mode="json")

    def keys(value: Any, name: str) -> list[str]:
        if isinstance(value, dict):
            return [key for part, own in value.items() for key in keys(own, f"{name}.{part}")]
        return [name.removeprefix(".")]

    assert {key for key in keys(settings, "") if f"| `{key}` |" not in page} <= {"curriculum", "study"}


def test_reference__has_every_metric() -> None:
    page = metrics_page()

    assert all(f"| `{key}` |" in page for key in CATALOGUE)
    assert all(f"| `{metric.name}` |" in page for task in TASKS.values() for metric in task.metrics)


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("[design](model.md#heads)", "[design](model.md#heads)"),
        ("[SECURITY.md](../SECURITY.md)", "`SECURITY.md`"),
        ("[the launcher](../cluster_configs/aws.yaml)", "the launcher (`cluster_configs/aws.yaml`)"),
        ("[a](https://example.org/a)", "[a](https://example.org/a)"),
    ],
)
def test_site__replaces_links_that_leave_it(link: str, expected: str) -> None:
    assert on_page_markdown(f"See {link}.", load_site_config(str(ROOT / "mkdocs.yml"))) == f"See {expected}."


@pytest.mark.parametrize("task", TASKS)
def test_page_of_task__has_each_of_its_metrics(task: str) -> None:
    page = (ROOT / "docs" / f"{task}.md").read_text(encoding="utf-8")
    tables = page.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"\w+", row)}

    assert {metric.name for metric in TASKS[task].metrics} <= named


@pytest.mark.parametrize("example", EXAMPLES, ids=["Gymnasium", "VectorEnv", "PettingZoo", "episodes", "statistics"])
def test_example__of_ten_lines_plays_to_an_end(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(example, {})

    assert re.search(r"\d\.", capsys.readouterr().out)
    assert len(example.strip().splitlines()) <= 10


def _programs(block: str) -> set[str]:
    """The programs that a block of shell commands starts."""
    programs = set()
    for line in block.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.wordchars += "$:@%,{}+"
        is_first = True
        for word in lexer:
            if set(word) <= set("();|&"):
                is_first = True
            elif is_first and not re.match(r"\w+=", word):
                programs.add(word)
                is_first = False
    return programs


def test_programs__of_a_block_are_the_first_words() -> None:
    block = "A=1 x --y=z | w; export B=2   # v\n(umask 077 && u > 't; s')\nm \\\n  n"

    assert _programs(block) == {"x", "w", "export", "umask", "u", "m"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page__starts_only_programs_that_are_installed(page: Path) -> None:
    blocks = re.findall(r"^```(?:sh|bash)\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    programs = set().union(*map(_programs, blocks)) - OF_THE_SYSTEM

    missing = {
        name for name in programs if "/" not in name and not shutil.which(name, path=Path(sys.executable).parent)
    }
    assert not missing, f"{page.name} starts what make install does not bring"


def test_pages__show_commands() -> None:
    assert sum(page.read_text(encoding="utf-8").count("```sh\n") for page in PAGES) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_page__links_to_files_that_exist(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))

    missing = [link for link in links if not link.startswith(("http", "../../")) and not (page.parent / link).exists()]
    assert not missing  # what begins with ../../ is a page of GitHub's own


def test_page_of_python__runs_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}

    for block in blocks:
        exec(block, names)

    assert len(blocks) > 5
    assert (tmp_path / "runs" / "second" / "checkpoints").is_dir()
