"""A size or a pace counts where it is given above a preset, and changes no preset by itself."""

from pathlib import Path

import pytest

from rl_cluster.config.load import PRESETS, load_config
from rl_cluster.config.model_size import MODEL_SIZES

SHAPES = {
    "debug": (32, 4, 1),
    "dev": (32, 4, 1),
    "tune_demo": (32, 4, 1),
}


@pytest.mark.parametrize("preset", PRESETS)
def test_preset__keeps_its_own_shape(preset: str) -> None:
    model = load_config(preset).model

    assert (model.width, model.num_heads, model.num_layers) == SHAPES.get(preset, (64, 4, 2))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", MODEL_SIZES)
def test_size__given_on_a_preset_chooses(preset: str, size: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"base: {preset}\nmodel: {{size: {size}}}\n")

    for config in (load_config(preset, [f"model.size={size}"]), load_config(str(file))):
        assert {name: getattr(config.model, name) for name in MODEL_SIZES[size]} == MODEL_SIZES[size]
    assert load_config(preset, ["model.width=16", f"model.size={size}"]).model.width == 16
    assert load_config(str(file), ["model.width=16"]).model.width == 16


@pytest.mark.parametrize("preset", ["curriculum_demo", "navigate_curriculum"])
@pytest.mark.parametrize(("pace", "chosen"), [("conservative", (5, 10, 0.8)), ("aggressive", (3, 5, 0.7))])
def test_pace__given_on_a_preset_chooses(preset: str, pace: str, chosen: tuple[int, int, float]) -> None:
    num_passes, patience, pass_score = chosen
    curriculum = load_config(preset, [f"curriculum.pace={pace}"]).curriculum

    assert (curriculum.num_passes, curriculum.patience) == (num_passes, patience)
    assert {stage.pass_score for stage in curriculum.stages} == {pass_score}
    assert load_config(preset).curriculum.stages[0].pass_score not in {0.8, 0.7}
