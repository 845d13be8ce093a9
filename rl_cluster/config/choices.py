"""Settings that choose others: `model.size` and `curriculum.pace`.

What they choose may be given beside them. Given above a file that says what they choose, as in
`train quick_demo model.size=large`, they count, and what the file says is dropped.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["CHOSEN_BY", "drop_chosen"]

CHOSEN_BY: dict[str, str] = {
    "model.width": "model.size",
    "model.num_heads": "model.size",
    "model.num_layers": "model.size",
    "curriculum.num_passes": "curriculum.pace",
    "curriculum.patience": "curriculum.pace",
}
"""Dotted key -> the key that chooses it; `curriculum.pace` chooses the `pass_score` of all stages, too."""


def drop_chosen(below: dict[str, Any], choosers: set[str]) -> None:
    """Drops from plain data, in place, what is chosen by settings that are given above it.

    Args:
        below: Nested dicts, which no other code uses.
        choosers: Dotted keys that are given.
    """
    for key, chooser in CHOSEN_BY.items():
        section, _, name = key.partition(".")
        if chooser in choosers and isinstance(below.get(section), dict):
            below[section].pop(name, None)
    curriculum = below.get("curriculum")
    if "curriculum.pace" in choosers and isinstance(curriculum, dict) and isinstance(curriculum.get("stages"), list):
        curriculum["stages"] = [_without_score(stage) for stage in curriculum["stages"]]


def _without_score(stage: Any) -> Any:
    return {key: value for key, value in stage.items() if key != "pass_score"} if isinstance(stage, Mapping) else stage
