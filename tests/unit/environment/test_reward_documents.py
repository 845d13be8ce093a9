"""The reward is said once, by the docstrings of its kernels: the settings' help and the pages repeat them."""

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from rl_cluster.config.allocate import AllocateRewardConfig
from rl_cluster.config.navigate import NavigateRewardConfig
from rl_cluster.config.section import Section
from rl_cluster.environment.allocate import reward as allocate
from rl_cluster.environment.navigate import reward as navigate
from rl_cluster.environment.shared.credit import mixed

DOCS = Path(__file__).parents[3] / "docs"
TASKS: dict[str, tuple[ModuleType, type[Section]]] = {
    "allocate": (allocate, AllocateRewardConfig),
    "navigate": (navigate, NavigateRewardConfig),
}
TERMS = [(task, term) for task, (module, _) in TASKS.items() for term in module.TERMS]


def _formula(kernel: object) -> str:
    """The first paragraph of a kernel's docstring, in one line."""
    docstring = inspect.getdoc(kernel)
    assert docstring
    return " ".join(docstring.split("\n\n")[0].split())


def _table(task: str) -> dict[str, str]:
    """Term -> amount, as the task's page has it."""
    page = (DOCS / f"{task}.md").read_text(encoding="utf-8")
    section = page.split("\n## Reward\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| (\w+) \| (.+) \|$", section, re.MULTILINE)[1:])


def _help(task: str, setting: str) -> str:
    _, section = TASKS[task]
    return " ".join((section.model_fields[setting].description or "").split())


@pytest.mark.parametrize("task", TASKS)
def test_terms__are_those_of_the_settings_and_of_the_page(task: str) -> None:
    module, section = TASKS[task]

    assert [*module.TERMS, "own_weight"] == list(section.model_fields)
    assert tuple(_table(task)) == module.TERMS


@pytest.mark.parametrize(("task", "term"), TERMS)
def test_term__is_said_by_help_and_page_as_by_its_kernel(task: str, term: str) -> None:
    formula = _formula(getattr(TASKS[task][0], term))

    assert _help(task, term).startswith(formula)
    assert _table(task)[term].startswith(formula)


@pytest.mark.parametrize("task", TASKS)
def test_mixture__is_said_by_help_and_page_as_by_its_kernel(task: str) -> None:
    formula, page = _formula(mixed).removesuffix("."), (DOCS / "environments.md").read_text(encoding="utf-8")

    assert formula in _help(task, "own_weight")
    assert formula in " ".join(page.split())
