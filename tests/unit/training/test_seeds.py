"""Several seeds of a run: what is a list of them, how many runs a machine holds, and what they scored last."""

import json
import math
from pathlib import Path

import pytest

from rl_cluster.config.load import overridden
from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.metrics.names import evaluation_key
from rl_cluster.training.seeds import evaluated_last, num_side_by_side, parse_seeds, shown_metrics

RAY = "engine=ray"


def test_parse_seeds__takes_numbers_with_commas() -> None:
    assert parse_seeds("3") == [3]
    assert parse_seeds("0, 1,12") == [0, 1, 12]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no list of whole numbers; write them with commas: --seeds 0,1,2"),
        ("1,,2", "is no list of whole numbers"),
        ("0..3", "is no list of whole numbers"),
        ("-1", "is no list of whole numbers"),
        ("1,2,1", "names 1 twice; name each seed once"),
        (",".join(map(str, range(101))), "names 101 seeds; name at most 100"),
    ],
)
def test_parse_seeds__refuses_anything_else(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("settings", "num_cpus", "expected"),
    [
        (["learners.cpus_per_learner=0.5"], 4, 4),
        (["learners.cpus_per_learner=2"], 5, 2),
        (["learners.cpus_per_learner=2"], 1, 1),
        ([RAY, "sampling.num_env_runners=3", "sampling.cpus_per_runner=1"], 16, 4),
        ([RAY, "sampling.num_env_runners=0"], 2, 2),
        (["learners.gpus_per_learner=1"], 16, 1),
    ],
)
def test_num_side_by_side__is_what_the_cpus_hold(
    tiny: Config, settings: list[str], num_cpus: int, expected: int
) -> None:
    config = overridden(tiny, ["sampling.num_env_runners=0", "learners.num_learners=0", *settings], "test")

    assert num_side_by_side(config, num_cpus, is_shared=False) == expected
    assert num_side_by_side(config, num_cpus, is_shared=True) == 1


def test_evaluated_last__is_of_the_last_evaluation_and_nan_without_one(tiny: Config, tmp_path: Path) -> None:
    metrics = shown_metrics(tiny)
    assert len(metrics) == 5
    key = evaluation_key(metrics[0].name)
    lines = [{"iteration": 1, key: 0.25}, {"iteration": 2, key: 0.5}, {"iteration": 3, "other": 1.0}]
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    scores = evaluated_last(tmp_path, metrics)

    assert scores[metrics[0]] == 0.5
    assert all(math.isnan(scores[metric]) for metric in metrics[1:])
    assert all(math.isnan(value) for value in evaluated_last(tmp_path / "nowhere", metrics).values())
