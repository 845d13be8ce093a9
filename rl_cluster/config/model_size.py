"""What `model.size` stands for: width, heads and layers that are not given themselves."""

from typing import Any

__all__ = ["MODEL_SIZES", "fill_model_size"]

MODEL_SIZES: dict[str, dict[str, int]] = {
    "small": {"width": 128, "num_heads": 4, "num_layers": 2},
    "large": {"width": 256, "num_heads": 8, "num_layers": 4},
}
LARGE_ABOVE = 24
"""Entities of the largest episode, above which `auto` is large."""


def fill_model_size(data: dict[str, Any]) -> None:
    """Completes the `model` section of a run's plain data, which is not validated yet, in place.

    Data that makes no sense is left as it is: the schema says what is wrong with it.
    """
    model = data.get("model")
    size = model.get("size") if isinstance(model, dict) else None
    if size == "auto":
        size = "large" if _num_entities(data.get("generator")) > LARGE_ABOVE else "small"
    if isinstance(model, dict) and isinstance(size, str):
        for name, value in MODEL_SIZES.get(size, {}).items():
            model.setdefault(name, value)


def _num_entities(generator: Any) -> int:
    """UAVs, targets and zones of the largest episode."""
    kinds = ("num_uavs", "num_targets", "num_obstacles")
    ranges = [generator.get(kind) for kind in kinds] if isinstance(generator, dict) else []
    return sum(ends[1] for ends in ranges if isinstance(ends, list) and len(ends) == 2 and isinstance(ends[1], int))
