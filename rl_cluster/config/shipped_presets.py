"""The presets that come with the package: where they are, and what each is for. It imports nothing that takes time."""

from pathlib import Path

__all__ = ["PRESETS", "purposes"]

PRESETS: dict[str, Path] = {path.stem: path for path in sorted((Path(__file__).parent / "presets").glob("*.yaml"))}
"""Name -> file of the settings that come with the package."""


def purposes() -> dict[str, str]:
    """Name of each preset -> what it is for: the first sentence of the comment at its beginning."""
    return {name: _purpose(path.read_text(encoding="utf-8")) for name, path in PRESETS.items()}


def _purpose(text: str) -> str:
    comment = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    return " ".join(comment).partition(". ")[0].rstrip(".")
