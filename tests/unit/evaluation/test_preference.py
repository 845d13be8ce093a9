"""What `--prefer` may say, and what is refused in one line."""

import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.errors import ConfigError
from rl_cluster.evaluation.preference import parse_preference

TRAINED = load_config("quick_demo", ["generator.prefer_crowding=[0.25, 4.0]", "generator.prefer_time=[1.0, 8.0]"])


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("time=2,crowding=0.5", [0.5, 2.0, 1.0]),
        (" crowding = 4 ", [4.0, 1.0, 1.0]),
        ("served=2,time=8", [1.0, 4.0, 1.0]),
        ("served=3", [1.0, 1.0, 1.0]),
    ],
)
def test_parse_preference__gives_weights_against_served_targets(text: str, weights: list[float]) -> None:
    assert parse_preference(text, TRAINED).tolist() == weights
    assert parse_preference(text, TRAINED).dtype == np.float32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("distance=2", r"not trained with a preference distance; choose from crowding, time$"),
        ("speed=2", r"not trained with a preference speed; choose from crowding, time$"),
        ("time=9", r"time=9 is not within 1 to 8, which the policy was trained with; choose a weight between them$"),
        ("served=2,time=1", r"time=0.5 is not within 1 to 8"),
        ("time=0", r"time=0 is not above 0; give a small weight to what matters little$"),
        ("time=-1", r"time=-1 is not above 0"),
        ("time", r"'time' is not a list of weights; write it as time=2,crowding=0.5$"),
        ("time=x", r"not a list of weights"),
        ("time=nan", r"not a list of weights"),
        ("time=1,time=2", r"not a list of weights"),
        ("", r"not a list of weights"),
    ],
)
def test_parse_preference__refuses(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_preference(text, TRAINED)


def test_parse_preference__says_how_to_train_for_it() -> None:
    with pytest.raises(ConfigError, match=r"omit it, or train a run with ranges of generator.prefer_crowding, "):
        parse_preference("time=2", load_config("quick_demo"))
    with pytest.raises(ConfigError, match=r"omit it: task navigate has no preferences"):
        parse_preference("time=2", load_config("navigate_demo"))
