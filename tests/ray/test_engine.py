"""Ray runs what the core says: the engine against the one without Ray."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from ray.rllib.callbacks.callbacks import RLlibCallback

from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError, ConfigError
from rl_cluster.metrics.names import is_timed, phase_key
from rl_cluster.metrics.phases import PHASES
from rl_cluster.rllib.algorithm_config import make_algorithm_config
from rl_cluster.rllib.callbacks import SwarmCallback
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.training.engine import EngineState
from rl_cluster.training.local_engine import LocalEngine

NUM_WORLDS = 4
ENGINES = {
    "in process": ("tiny", 0, 0),
    "one runner, one Learner": ("tiny", 1, 1),
    "two runners": ("tiny", 2, 0),
    "one runner, two Learners": ("tiny", 1, 2),
    "navigate, two runners, three Learners": ("tiny_navigate", 2, 3),
}
"""Settings, env runners and Learners; the worlds are the same four."""


def make_config(tiny: Config, num_env_runners: int, num_learners: int) -> Config:
    sampling = tiny.sampling.model_copy(
        update={
            "num_env_runners": num_env_runners,
            "worlds_per_runner": NUM_WORLDS // max(1, num_env_runners),
            "fragment_steps": 20,
        }
    )
    learners = tiny.learners.model_copy(update={"num_learners": num_learners, "cpus_per_learner": 0.5})
    return tiny.model_copy(update={"engine": "ray", "sampling": sampling, "learners": learners})


IN_ANOTHER_TOO = ("two runners", "one runner, two Learners")
"""What they have, "navigate, two runners, three Learners" has."""


def _params() -> list[Any]:
    return [
        pytest.param(params, id=name, marks=[pytest.mark.long] if name in IN_ANOTHER_TOO else [])
        for name, params in ENGINES.items()
    ]


@pytest.fixture(scope="module", params=_params())
def engine(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[RayEngine]:
    settings, *numbers = request.param
    engine = RayEngine(make_config(request.getfixturevalue(settings), *numbers))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def initial(engine: RayEngine) -> EngineState:
    return engine.state()


NO_GRADIENT = "pointer_head.score.bias"
"""Adds the same to every logit: its gradient is 0 but for rounding, and Adam scales that up."""


def played_worlds(state: EngineState) -> dict[str, NDArray[Any]]:
    """The worlds of all runners, in the order of their numbers."""
    names = [name.removeprefix("runner0/") for name in state.arrays if name.startswith("runner0/")]
    runners = sorted({name.partition("/")[0] for name in state.arrays})
    return {name: np.concatenate([state.arrays[f"{runner}/{name}"] for runner in runners]) for name in names}


def assert_equal(left: Mapping[str, Any], right: Mapping[str, Any], atol: float = 0.0) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_allclose(value, right[name], rtol=0.0, atol=atol, err_msg=name)


def test_engine__first_iteration_is_the_local_engines(engine: RayEngine, initial: EngineState) -> None:
    local = LocalEngine(engine.config)
    engine.load_state(initial)

    expected, record = (
        local.iterate(0, schedule(local.config.ppo, 0.0)),
        engine.iterate(0, schedule(engine.config.ppo, 0.0)),
    )

    weights, others = (
        {name: weight for name, weight in each.state().weights.items() if name != NO_GRADIENT}
        for each in (engine, local)
    )
    assert_equal(weights, others, atol=1e-5)
    assert_equal(played_worlds(engine.state()), played_worlds(local.state()))
    untimed = {name for name in expected if not is_timed(name)}
    assert_equal({name: record[name] for name in untimed}, {name: expected[name] for name in untimed}, atol=1e-4)
    assert {name for name in record if not is_timed(name)} == untimed
    assert {phase_key(phase) for phase in PHASES} <= record.keys()


def test_engine__goes_on_from_its_state_exactly(engine: RayEngine, initial: EngineState) -> None:
    engine.load_state(initial)
    engine.iterate(0, schedule(engine.config.ppo, 0.0))
    saved = engine.state()
    engine.iterate(1, schedule(engine.config.ppo, 0.0))
    uninterrupted = engine.state()

    engine.load_state(saved)
    engine.iterate(1, schedule(engine.config.ppo, 0.0))

    resumed = engine.state()
    assert_equal(resumed.weights, uninterrupted.weights)
    assert_equal(resumed.optimizer, uninterrupted.optimizer)
    assert_equal(resumed.arrays, uninterrupted.arrays)
    assert any(not torch.equal(weight, saved.weights[name]) for name, weight in resumed.weights.items())


def test_engine__plays_the_same_episodes_whoever_shares_the_worlds(engine: RayEngine, initial: EngineState) -> None:
    """With a head that gives 0 for everything each action depends on the keyed noise alone, bit for bit."""
    uniform = {
        name: torch.zeros_like(weight) if name.startswith(("pointer_head.score", "control_head.mean")) else weight
        for name, weight in initial.weights.items()
    }
    alone = LocalEngine(make_config(engine.config, 1, 0))
    alone.load_state(alone.state()._replace(weights=uniform))
    engine.load_state(initial._replace(weights=uniform))

    alone.iterate(0, schedule(alone.config.ppo, 0.0))
    engine.iterate(0, schedule(engine.config.ppo, 0.0))

    worlds = played_worlds(engine.state())
    assert_equal(worlds, played_worlds(alone.state()))
    assert worlds["episode"].max() > 0


def test_engine__model_has_the_weights_of_now(engine: RayEngine, initial: EngineState) -> None:
    engine.load_state(initial)
    engine.iterate(0, schedule(engine.config.ppo, 0.0))

    assert_equal(engine.model().state_dict(), engine.state().weights)


def test_engine__refuses_what_the_cluster_cannot_hold(cluster: Cluster, tiny: Config) -> None:
    config = make_config(tiny, 2, 0)
    sampling = config.sampling.model_copy(update={"cpus_per_runner": 3.0})

    with pytest.raises(ClusterError, match=r"needed 6.0 CPUs, available 3; set sampling.cpus_per_runner=1 or "):
        RayEngine(config.model_copy(update={"sampling": sampling}))


class Ending(SwarmCallback):
    """Keeps what it is called with."""

    outcomes: ClassVar[list[Mapping[str, NDArray[np.float64]]]] = []
    created: ClassVar[list[int]] = []

    def on_environment_created(self, *, env_context: Any, **_: Any) -> None:
        self.created.append(env_context.worker_index)

    def on_episodes_end(self, outcomes: Mapping[str, NDArray[np.float64]], **_: Any) -> None:
        self.outcomes.append(outcomes)


def test_engine__calls_back_when_episodes_end(cluster: Cluster, tiny: Config) -> None:
    engine = RayEngine(make_config(tiny, 0, 0), callbacks=[Ending])
    record = engine.iterate(0, schedule(engine.config.ppo, 0.0))
    engine.close()

    assert Ending.created == [0]
    (outcomes,) = Ending.outcomes
    score = outcomes["normalized_completion_score"]
    assert len(score) == record["sampling/episodes"] > 0
    assert record["episode/normalized_completion_score"] == pytest.approx(score.mean())


@pytest.mark.parametrize("hook", ["on_episode_created", "on_episode_start", "on_episode_step", "on_episode_end"])
def test_engine__callback_that_is_never_called_is_refused(cluster: Cluster, tiny: Config, hook: str) -> None:
    stepping = type("Stepping", (RLlibCallback,), {hook: lambda self, **_: None})

    with pytest.raises(ConfigError, match=rf"Stepping: {hook} is never called.*on_episodes_end\(outcomes"):
        RayEngine(make_config(tiny, 0, 0), callbacks=[stepping])


def test_engine__function_that_is_never_called_is_refused(tiny: Config) -> None:
    config = make_algorithm_config(make_config(tiny, 0, 0)).callbacks(on_episode_step=lambda **_: None)

    with pytest.raises(ConfigError, match="on_episode_step is never called"):
        config.validate()
