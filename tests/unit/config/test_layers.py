"""Files that begin from a preset, and where each value comes from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rl_cluster.config.load import PRESETS, describe_origins, load_config
from rl_cluster.errors import ConfigError


def _write(folder: Path, text: str) -> str:
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_file__changes_what_it_names_and_leaves_the_rest_of_its_base(tmp_path: Path) -> None:
    file = _write(tmp_path, "base: debug\nname: mine\nppo:\n  clip: 0.1\n  lr: [1e-4, 1e-5]\n")

    expected = load_config("debug", ["name=mine", "ppo.clip=0.1", "ppo.lr=[1e-4, 1e-5]"])
    assert load_config(file) == expected
    assert load_config(file, ["ppo.clip=0.3"]).ppo.clip == 0.3


def test_origin__is_the_line_the_base_the_command_line_or_a_size(tmp_path: Path) -> None:
    file = _write(tmp_path, "base: quick_demo\nname: mine\nppo:\n  clip: 0.1\n  gamma: 0.9\n")
    described = {key: (value, words) for key, value, words in describe_origins(file, ["ppo.gamma=0.98"])}

    assert described["ppo.clip"] == (0.1, f"{file} line 4")
    assert described["ppo.gamma"] == (0.98, "ppo.gamma=0.98 on the command line")
    line = PRESETS["quick_demo"].read_text(encoding="utf-8").splitlines().index("  gae_lambda: 0.95") + 1
    assert described["ppo.gae_lambda"] == (0.95, f"quick_demo.yaml line {line}")
    assert described["curriculum"] == (None, described["curriculum"][1])


@pytest.mark.parametrize("preset", PRESETS)
def test_origin__of_every_value_of_every_preset_is_known(preset: str) -> None:
    config = load_config(preset)
    for key, value, words in describe_origins(preset):
        held = config.model_dump(mode="json")
        for name in key.split("."):
            held = held[name]
        assert held == value
        assert ".yaml line " in words or words.startswith("follows from model.size")


def test_origin__of_what_a_pace_fills_in_says_so() -> None:
    words = {key: words for key, _, words in describe_origins("debug", ["model.size=large"])}

    assert words["model.size"] == "model.size=large on the command line"
    assert words["model.width"] == "follows from model.size"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: nothing\n", "base: is no preset; choose one of "),
        ("base: [debug]\n", "base: is no preset; choose one of "),
        ("- 1\n", "is not a mapping; begin from a preset: rl-cluster config show"),
        ("base: debug\nppo: 1\n", "ppo"),
        ("base: debug\nppo:\n  clipp: 1\n", "ppo.clipp: unknown key; did you mean ppo.clip?"),
    ],
)
def test_file__that_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(_write(tmp_path, text))
    assert message in str(caught.value)


def test_show__prints_origins(exit_code: Callable[..., object], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("config", "show", "multi_node", "--origin") == 0

    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("learners.num_learners: 8 ") and "# multi_node.yaml line " in line for line in lines)
    assert any(
        line.startswith("learners.gpus_per_learner: 1.0 ") and "# high_performance.yaml" in line for line in lines
    )
    assert any(line.startswith("ppo.gamma: ") and "# quick_demo.yaml line " in line for line in lines)
