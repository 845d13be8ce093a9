"""Hooks of MkDocs, which makes the documents a web site: `python -m mkdocs build --strict`.

README is its first page. References of settings and metrics are generated from the code. Links from a page to a file of
the repository that is no page become the file's path, unless `repo_url` says where the files can be read.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from benchmarks.documents.reference import metrics_page, settings_page

__all__ = ["on_files", "on_page_markdown"]

ROOT = Path(__file__).parents[2]
BADGE = re.compile(r"^\[!\[[^\n]*\n", re.MULTILINE)
"""A picture that is a link: of the state of the tests, which says nothing on a site."""
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds README as the first page, and the references."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = {"index.md": _moved(readme), "settings.md": settings_page(), "metrics.md": metrics_page()}
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def _moved(readme: str) -> str:
    """README as it reads from the folder of the documents."""
    return LINK.sub(lambda link: f"{link[1]}[{link[2]}]({_from_docs(link[3])})", BADGE.sub("", readme))


def _from_docs(target: str) -> str:
    if "://" in target or target.startswith("#"):
        return target
    return target.removeprefix("docs/") if target.startswith("docs/") else f"../{target}"


def on_page_markdown(markdown: str, config: MkDocsConfig, **_: Any) -> str:
    """Replaces links that leave the folder of the documents."""
    return LINK.sub(lambda link: _replaced(link, config.repo_url or ""), markdown)


def _replaced(link: re.Match[str], repo_url: str) -> str:
    is_image, text, target = link.groups()
    if not target.startswith("../"):
        return link[0]
    path = target.lstrip("./").partition("#")[0]
    if repo_url and not is_image:
        return f"[{text}]({repo_url.rstrip('/')}/blob/main/{path})"
    return f"`{path}`" if text == path else f"{text} (`{path}`)"
