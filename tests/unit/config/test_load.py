from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.load import PRESETS, load_config, load_saved, overridden, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError

DEMO_TEXT = PRESETS["quick_demo"].read_text(encoding="utf-8")


def _loaded_back(config: Config, folder: Path) -> Config:
    file = folder / "dump.yaml"
    file.write_text(to_yaml(config), encoding="utf-8")
    return load_config(str(file))


@pytest.mark.parametrize("preset", PRESETS)
def test_preset__carries_its_name_and_survives_a_round_trip(preset: str, tmp_path: Path) -> None:
    config = load_config(preset)

    assert config.name == preset
    assert _loaded_back(config, tmp_path) == config


@pytest.mark.slow
@given(first=st.floats(min_value=0.0, max_value=1.0), last=st.floats(min_value=0.0, max_value=1.0))
def test_float__survives_a_round_trip_bit_for_bit(
    first: float, last: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    config = load_config("debug", [f"ppo.lr=[{first!r}, {last!r}]"])

    assert config.ppo.lr == (first, last)
    assert _loaded_back(config, tmp_path_factory.getbasetemp()) == config


@pytest.mark.parametrize("name", ["1e5", "012", "true", "null", "0"])
def test_name__that_looks_like_another_type_stays_text(name: str, tmp_path: Path) -> None:
    config = load_config("debug", [f"name='{name}'"])

    assert _loaded_back(config, tmp_path).name == name


def test_override__changes_one_value_and_leaves_the_rest() -> None:
    before = load_config("debug")

    after = load_config("debug", ["ppo.lr=[1e-3, 1e-4]", "engine=local", "seed=1", "seed=2"])

    changed_ppo = before.ppo.model_copy(update={"lr": (1e-3, 1e-4)})
    assert after == before.model_copy(update={"engine": "local", "seed": 2, "ppo": changed_ppo})


def test_override__completes_a_file(tmp_path: Path) -> None:
    file, (start, rest) = tmp_path / "run.yaml", DEMO_TEXT.split("training:")
    training, end = rest.split("monitoring:")
    file.write_text(f"{start}monitoring:{end}".replace("seed: 0\n", ""))
    values = [f"training.{line.strip().replace(': ', '=')}" for line in training.strip().splitlines()]

    assert load_config(str(file), ["seed=0", *values]) == load_config("quick_demo")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  lr:", "  lrr:", r"run.yaml: ppo.lrr: unknown key; did you mean ppo.lr\?$"),
        ("  clip: 0.2\n", "", r"run.yaml: ppo.clip: is missing; give a finite number at least 1e-06 and below 1$"),
        (
            "clip: 0.2",
            "clip: fast",
            r'run.yaml: ppo.clip: got "fast"; give a finite number at least 1e-06 and below 1$',
        ),
        ("clip: 0.2", "clip: '0.2'", r'ppo.clip: got "0.2"; give a finite number'),
        ("clip: 0.2", "clip: true", r"ppo.clip: got true; give a finite number"),
        ("clip: 0.2", "clip: 1.5", r"ppo.clip: got 1.5; give a finite number at least 1e-06 and below 1$"),
        ("clip: 0.2", "clip: .nan", r"ppo.clip: got NaN; give a finite number"),
        ("clip: 0.2", "clip: -.inf", r"ppo.clip: got -Infinity; give a finite number"),
        ("lr: [1.0e-3", "lr: [.inf", r"ppo.lr.0: got Infinity; give a finite number at least 0"),
        ("seed: 0", "seed: 0.5", r"seed: got 0.5; give a whole number at least 0"),
        ("seed: 0", f"seed: {'9' * 5000}", r"seed: got Infinity; give a whole number"),
        ("engine: ray", "engine: slurm", r'engine: got "slurm"; give one of ray, local$'),
        ("name: quick_demo", "name: ../up", r'name: got "../up"; give text that matches'),
        ("replan: true", "replan: 1", r"world.replan: got 1; give true or false$"),
        ("num_uavs: [2, 8]", "num_uavs: [8, 2]", r"run.yaml: generator: num_uavs=\[8, 2\] .*; write \[low, high\]$"),
        ("num_uavs: [2, 8]", "num_uavs: [2]", r"generator.num_uavs.1: is missing; give a whole number at least 1"),
        (
            "minibatch_rows: 512",
            "minibatch_rows: 500",
            r"run.yaml: ppo.minibatch_rows=500 .*; the nearest that does is 512$",
        ),
    ],
)
def test_fault__is_placed_in_its_file(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in DEMO_TEXT
    file = tmp_path / "run.yaml"
    file.write_text(DEMO_TEXT.replace(old, new))

    with pytest.raises(ConfigError, match=message):
        load_config(str(file))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ppo.lr", r"^ppo.lr: override without '='; write key=value"),
        ("ppo.lrr=1", r"^ppo.lrr=1: unknown key; did you mean ppo.lr\?$"),
        ("lr=1", r"^lr=1: unknown key; did you mean ppo.lr\?$"),
        ("task=navigate", r"^task=navigate: quick_demo.yaml has the settings of task allocate; begin from a preset"),
        ("=1", r"^=1: unknown key; choose one of name, task, seed"),
        ("ppo.lr=", r"^ppo.lr=: is empty; write at least one value$"),
        ("ppo.lr=[1", r"^ppo.lr=\[1: did not find .*; correct the YAML there$"),
        ("ppo.clip=2", r"^ppo.clip=2: got 2; give a finite number at least 1e-06 and below 1$"),
        ("ppo.lr=[1e-3, x]", r'^ppo.lr=\[1e-3, x\]: ppo.lr.1: got "x"; give a finite number'),
        ("ppo={}", r"^ppo={}: ppo.lr: is missing; give a list of 2"),
        ("seed=!!python/name:os.system ''", r"tag !!python/name:os.system is not allowed; write plain"),
    ],
)
def test_fault__is_placed_in_its_override(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("quick_demo", ["seed=1", override])


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("- 1", [], r"run.yaml: is not a mapping; begin from a preset: rl-cluster config show quick_demo$"),
        ("name: a", [], r"run.yaml: task: is missing; give one of allocate, navigate$"),
        ("task: [fly]", [], r"run.yaml: task: got \[\"fly\"\]; give one of allocate, navigate$"),
        ("1: 2\ntask: allocate", [], r"run.yaml: 1: unknown key; choose one of name, task, seed"),
        ("ppo: 1\ntask: allocate", ["ppo.clip=0.1"], r"run.yaml: ppo: is not a mapping; write its keys below ppo:$"),
    ],
)
def test_file__of_another_shape_is_refused(text: str, overrides: list[str], message: str, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=message):
        load_config(str(file), overrides)


def test_word__that_is_no_preset_offers_the_presets() -> None:
    with pytest.raises(
        ConfigError,
        match=r"^fast: is neither a preset nor a file; choose a YAML file or one of curriculum_demo, .*tune_demo$",
    ):
        load_config("fast")


def test_overridden__equals_the_settings_that_began_with_the_overrides() -> None:
    overrides = ["ppo.lr=[1e-3, 1e-4]", "training.iterations=7", "seed=3"]

    assert overridden(load_config("debug"), overrides, "RUN") == load_config("debug", overrides)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ppo.lrr=1", r"^ppo.lrr=1: unknown key; did you mean ppo.lr\?$"),
        ("ppo.clip=2", r"^ppo.clip=2: got 2; give a finite number"),
        ("reward.collision=3", r"^reward.collision=3: has no effect with task=allocate"),
        ("ppo.minibatch_rows=7", r"^RUN: ppo.minibatch_rows=7 does not divide"),
    ],
)
def test_overridden__refuses_what_load_config_refuses(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        overridden(load_config("debug"), [override], "RUN")


def test_load_saved__reads_what_a_run_has_written_and_refuses_anything_else(tmp_path: Path) -> None:
    file, config = tmp_path / "config.yaml", load_config("debug")
    file.write_text(to_yaml(config), encoding="utf-8")
    assert load_saved(file) == config

    file.write_text("- 1")
    with pytest.raises(ConfigError, match=r"is not a mapping; copy the config\.yaml of the newest checkpoint over it"):
        load_saved(file)
