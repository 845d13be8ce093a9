"""Width, heads and layers come from the size, unless they are given."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from rl_cluster.config.load import PRESETS, load_config, to_yaml
from rl_cluster.config.model_size import fill_model_size
from rl_cluster.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The demo's settings, without width, heads and layers."""
    data = yaml.safe_load(PRESETS["quick_demo"].read_text(encoding="utf-8"))
    for name in ("width", "num_heads", "num_layers"):
        del data["model"][name]
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    return path


@pytest.mark.parametrize(("size", "shape"), [("small", (128, 4, 2)), ("large", (256, 8, 4))])
def test_size__gives_what_is_left_out(file: Path, size: str, shape: tuple[int, int, int]) -> None:
    model = load_config(str(file), [f"model.size={size}"]).model

    assert (model.width, model.num_heads, model.num_layers) == shape
    assert load_config(str(file), [f"model.size={size}", "model.width=64"]).model.width == 64


@pytest.mark.parametrize(("num_targets", "num_layers"), [(14, 2), (15, 4)])
def test_auto__is_large_above_24_entities(file: Path, num_targets: int, num_layers: int) -> None:
    # 8 UAVs, 2 zones and the targets
    config = load_config(str(file), ["model.size=auto", f"generator.num_targets=[2, {num_targets}]"])

    assert config.model.num_layers == num_layers


def test_size__is_written_out_and_stays(file: Path, tmp_path: Path) -> None:
    config = load_config(str(file), ["model.size=auto"])
    (tmp_path / "shown.yaml").write_text(to_yaml(config), encoding="utf-8")

    assert load_config(str(tmp_path / "shown.yaml")) == config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.size=huge", r"model.size=huge: got \"huge\"; give one of auto, small, large"),
        ("model.size=[small]", r"got \[\"small\"\]; give one of auto, small, large"),
        ("model=3", "got 3; give a mapping with the keys size, width"),
        ("generator=[1]", r"generator=\[1\]: got \[1\]; give a mapping"),
    ],
)
def test_size__that_makes_no_sense_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("quick_demo", ["model.size=auto", override])


@pytest.mark.parametrize("data", [{}, {"model": None}, {"model": {"size": None}}, {"model": {"size": "wide"}}])
def test_fill__leaves_what_makes_no_sense(data: dict[str, Any]) -> None:
    before = copy.deepcopy(data)

    fill_model_size(data)

    assert data == before
