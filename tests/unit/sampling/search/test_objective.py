import numpy as np
import pytest

from rl_cluster.environment.tasks import TASKS
from rl_cluster.errors import ConfigError
from rl_cluster.sampling.search.objective import Objective, parse_weights

TERMS = TASKS["allocate"].planning.objective


def test_value__is_the_weighted_sum() -> None:
    terms = {name: np.array([0.0, 0.0]) for name in TERMS}
    terms |= {"value": np.array([0.5, 1.0]), "crowding": np.array([-0.25, -1.0]), "reward": np.array([9.0, 9.0])}

    value = Objective(TERMS, {"value": 2.0, "crowding": 0.5}).value(terms)

    np.testing.assert_allclose(value, [0.875, 1.5])


def test_value__counts_what_is_not_defined_as_nothing() -> None:
    terms = {name: np.zeros(1) for name in TERMS} | {"value": np.array([np.nan])}

    assert Objective(TERMS).value(terms).tolist() == [0.0]


def test_objective__refuses_terms_of_other_tasks() -> None:
    with pytest.raises(ConfigError, match="--objective: success is no term of this task; choose from value"):
        Objective(TERMS, {"success": 1.0})


def test_parse_weights__reads_names_and_numbers() -> None:
    assert parse_weights("served=1, time=0.2") == {"served": 1.0, "time": 0.2}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("served", "served is no weight; write for example value=1"),
        ("served=x", "served=x is no weight; write for example"),
        ("", "nothing is no weight; write for example"),
        ("time=-1", "time=-1 is not between 0 and 1,000,000; write for example"),
        ("time=nan", "time=nan is not between"),
        ("time=1e300", "time=1e300 is not between"),
        ("time=1,time=2", "time is named twice; give each term one weight"),
    ],
)
def test_parse_weights__refuses_what_is_none(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=rf"--objective: {fault}"):
        parse_weights(text)
