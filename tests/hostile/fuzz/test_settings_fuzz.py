"""Mutated settings: refused, or they come back from YAML as they were, and a world can be made of them."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rl_cluster.config.load import PRESETS, load_config, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, make_worlds
from tests.hostile.fuzz.mutations import mutated_data, mutated_text
from tests.hostile.fuzz.runner import FEW, MANY, Case, assert_no_faults

TEXTS = [path.read_text(encoding="utf-8") for path in PRESETS.values()]
DATA: list[dict[str, Any]] = [load_config(name).model_dump(mode="json") for name in PRESETS]
MAX_ENTITIES = 64
"""UAVs, and targets, of worlds that are made."""


def _yaml(random: Random, folder: Path) -> object:
    (folder / "s.yaml").write_bytes(mutated_text(random, random.choice(TEXTS)))
    return _used(load_config(str(folder / "s.yaml")))


def _json(random: Random, folder: Path) -> object:
    path, data = folder / "s.json", random.choice(DATA)
    if random.random() < 0.3:
        path.write_bytes(mutated_text(random, json.dumps(data, indent=1)))
    else:
        path.write_bytes(json.dumps(mutated_data(random, data)).encode(errors="surrogatepass"))
    return _used(load_config(str(path)))


CASES: dict[str, Case] = {"yaml": _yaml, "json": _json}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_mutated_settings__are_refused_or_make_a_world(case: Case, tmp_path: Path) -> None:
    assert_no_faults(case, tmp_path, FEW, least_share=0.02)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_mutated_settings__are_refused_or_make_a_world_in_all_of_many_cases(case: Case, tmp_path: Path) -> None:
    assert_no_faults(case, tmp_path, MANY, least_share=0.02)


def _used(config: Config) -> str:
    text = to_yaml(config)
    assert to_yaml(type(config).model_validate_json(config.model_dump_json())) == text
    source = make_source(config, config.seed, is_training=True)
    if max(source.sizes.num_uavs, source.sizes.num_targets, source.sizes.num_obstacles) > MAX_ENTITIES:
        return "large"
    make_worlds(config, source, 1, is_training=True).reset()
    return "used"
