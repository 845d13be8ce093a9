"""RLlib's own way: a config, `build`, `train`, `save`, Tune. It trains exactly as the command does."""

import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from ray import tune

from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.metrics.names import is_timed
from rl_cluster.rllib.algorithm import SwarmAlgorithm
from rl_cluster.rllib.algorithm_config import SwarmConfig
from rl_cluster.rllib.callbacks import SwarmCallback
from rl_cluster.rllib.cluster import Cluster
from rl_cluster.rllib.engine import RayEngine
from rl_cluster.rllib.engine_state import state_of
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.engine import EngineState
from rl_cluster.training.run import Run

SETTINGS = (
    "generator.num_uavs=[2, 3]",
    "generator.num_targets=[2, 3]",
    "model.width=8",
    "model.num_heads=2",
    "model.precision=fp32",
    "sampling.num_env_runners=0",
    "sampling.worlds_per_runner=2",
    "sampling.fragment_steps=4",
    "ppo.minibatch_rows=4",
    "ppo.lr=[1e-2, 1e-3]",
    "controllers.kl_target=0.01",
    "training.iterations=4",
    "training.evaluate_every=2",
    "training.evaluation_episodes=2",
)
"""Learning rate and penalty change from one iteration to the next."""
DOCS = Path(__file__).parents[2] / "docs"
NCS = "normalized_completion_score"


class Seen(SwarmCallback):
    """Keeps the names of hooks that were called here."""

    hooks: ClassVar[list[str]] = []

    def on_algorithm_init(self, **_: Any) -> None:
        self.hooks.append("init")

    def on_train_result(self, *, result: dict[str, Any], **_: Any) -> None:
        self.hooks.append("result")
        result["seen"] = True

    def on_evaluate_end(self, *, evaluation_metrics: Mapping[str, float], **_: Any) -> None:
        self.hooks.append(f"evaluated {NCS in evaluation_metrics}")

    def on_checkpoint_loaded(self, **_: Any) -> None:
        self.hooks.append("loaded")


def _state(algorithm: SwarmAlgorithm) -> EngineState:
    return state_of(algorithm.learners, algorithm.runners)


def assert_same(left: EngineState, right: EngineState) -> None:
    """Bit for bit."""
    for one, other in ((left.weights, right.weights), (left.optimizer, right.optimizer)):
        assert one.keys() == other.keys()
        assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())
    assert left.arrays.keys() == right.arrays.keys()
    assert all(np.array_equal(array, right.arrays[name]) for name, array in left.arrays.items())


def _by_our_engine(config: SwarmConfig) -> tuple[EngineState, dict[str, float]]:
    """The end of the run as `rl-cluster train` drives it, and its last metrics."""
    engine = RayEngine(config.run_config)
    run = Run(engine, config.run_config, None)
    while not run.is_last:
        metrics = run.iterate().metrics
    state = engine.state()
    engine.close()
    return state, metrics


@pytest.fixture
def config() -> SwarmConfig:
    return SwarmConfig.from_preset("debug", *SETTINGS)


@pytest.fixture
def algorithm(config: SwarmConfig, cluster: Cluster) -> Iterator[SwarmAlgorithm]:
    Seen.hooks.clear()
    algorithm = config.callbacks(Seen).build()
    yield algorithm
    algorithm.stop()


def test_train__gives_the_weights_of_the_command_bit_for_bit(algorithm: SwarmAlgorithm, config: SwarmConfig) -> None:
    expected, metrics = _by_our_engine(config)

    results = [algorithm.train() for _ in range(4)]

    assert_same(_state(algorithm), expected)
    record = results[-1]["record"]
    own = {name: value for name, value in metrics.items() if not is_timed(name)}
    assert {name: record[name] for name in own} == own
    assert [result["done"] for result in results] == [False, False, False, True]
    assert [result["training_iteration"] for result in results] == [1, 2, 3, 4]
    # a scheduler finds the last evaluation in each result
    scores = [result["evaluation"][NCS] for result in results]
    assert math.isnan(scores[0])
    assert scores[1] == scores[2] == results[1]["record"][f"evaluation/{NCS}"]
    assert scores[3] == algorithm.evaluate()[NCS]
    assert Seen.hooks == ["init", *["result"] * 4, "evaluated True"]
    assert all(result["seen"] for result in results)
    with pytest.raises(ConfigError, match=r"all 4 iterations are done; build the algorithm with more training.iter"):
        algorithm.train()


def test_saved__goes_on_as_if_it_had_not_been(algorithm: SwarmAlgorithm, config: SwarmConfig, tmp_path: Path) -> None:
    algorithm.train()
    algorithm.train()
    saved = algorithm.save(str(tmp_path / "saved"))
    algorithm.train()
    algorithm.train()
    uninterrupted = _state(algorithm)

    restored = SwarmAlgorithm.from_checkpoint(saved.checkpoint, callbacks=[Seen])
    again = [restored.train() for _ in range(2)]
    algorithm.restore_from_path(tmp_path / "saved")
    algorithm.train()
    last = algorithm.train()

    assert_same(_state(restored), uninterrupted)
    assert_same(_state(algorithm), uninterrupted)
    restored.stop()
    assert again[-1]["training_iteration"] == last["training_iteration"] == 4
    assert again[-1]["done"]
    assert "loaded" in Seen.hooks
    # the checkpoint is one of ours, and the folder holds nothing that can run code
    assert Checkpoint.load(find_checkpoint(tmp_path / "saved").folder).iteration == 2
    assert not list((tmp_path / "saved").rglob("*.pkl"))
    wider = SwarmConfig.from_preset("debug", *SETTINGS, "model.width=16").build()
    with pytest.raises(CheckpointError, match=r"does not fit the algorithm's settings.*SwarmAlgorithm.from_checkpoint"):
        wider.restore_from_path(tmp_path / "saved")
    with pytest.raises(ConfigError, match="component=learner_group: checkpoints are restored as a whole; omit it"):
        wider.restore_from_path(tmp_path / "saved", component="learner_group")
    wider.stop()


@pytest.mark.long
def test_train__with_actors_gives_the_weights_of_the_command(cluster: Cluster) -> None:
    actors = ["sampling.num_env_runners=2", "sampling.cpus_per_runner=0.5", "learners.num_learners=1"]
    config = SwarmConfig.from_preset("debug", *SETTINGS, *actors, "learners.cpus_per_learner=0.5")
    expected, _ = _by_our_engine(config)
    algorithm = config.build_algo()

    for _ in range(4):
        algorithm.train()

    assert_same(_state(algorithm), expected)
    algorithm.stop()


def test_config__takes_rllibs_names_for_our_settings(config: SwarmConfig) -> None:
    config.env_runners(num_env_runners=3, num_envs_per_env_runner=4, rollout_fragment_length=6)
    config.training(lr=1e-4, gamma=0.9, num_epochs=3, minibatch_size=8, grad_clip=0.7)
    config.learners(num_learners=1).evaluation(evaluation_interval=5, evaluation_duration=7).debugging(seed=9)
    config.settings({"ppo.clip": 0.25})

    for _ in range(2):  # as RLlib and Tune do
        config.validate()

    run = config.run_config
    assert (run.sampling.num_env_runners, run.sampling.worlds_per_runner, run.sampling.fragment_steps) == (3, 4, 6)
    assert (run.ppo.lr, run.ppo.gamma, run.ppo.num_epochs, run.ppo.minibatch_rows) == ((1e-4, 1e-4), 0.9, 3, 8)
    assert (run.ppo.max_grad_norm, run.ppo.clip, run.learners.num_learners, run.seed) == (0.7, 0.25, 1, 9)
    assert (run.training.evaluate_every, run.training.evaluation_episodes) == (5, 7)
    assert (config.seed, config.evaluation_interval) == (None, None)
    assert {"lr": 1e-4, "ppo.clip": 0.25, "preset": "debug"}.items() <= config.to_dict().items()
    again = SwarmConfig().update_from_dict(config.to_dict())
    again.validate()
    assert again.run_config == run
    assert again.to_dict() == config.to_dict()


def test_config__number_of_rllibs_is_no_schedule_that_begins_with_it() -> None:
    config = SwarmConfig.from_preset("debug", "ppo.lr=[1e-3, 1e-4]")
    config.validate()
    assert config.run_config.ppo.lr == (1e-3, 1e-4)

    config.training(lr=1e-3).validate()

    assert config.run_config.ppo.lr == (1e-3, 1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one: one.training(train_batch_size_per_learner=7), "train_batch_size_per_learner: follows from other"),
        (lambda one: one.reporting(min_time_s_per_iteration=1), "min_time_s_per_iteration=1: is a setting of RLlib"),
        (lambda one: one.training(model={"fcnet_hiddens": [8]}), "model=.*does nothing here; omit it, and choose"),
        (lambda one: one.training(minibatch_size=0), "ppo.minibatch_rows=0: got 0; give"),
        (lambda one: one.training(lr=tune.uniform(0.1, 0.2)), "ppo.lr: is a search space, and not a value; give the"),
        (lambda one: one.settings({"ppo.clop": 1}), "ppo.clop=1: unknown key; did you mean ppo.clip"),
        (lambda one: one.settings({"ppo.clip": object()}), "ppo.clip: got object, which no settings file could hold"),
        (lambda one: one.settings({"engine": "local"}), "engine=local: SwarmAlgorithm runs on engine=ray; set engine"),
        (lambda one: one.settings({"callbacks": ["mine:A"]}), r"`rl-cluster train`, which .*; set callbacks=\[\], and"),
        (lambda one: one.update_from_dict({"num_env_runer": 1}), "num_env_runer=1: unknown key"),
        (lambda _: SwarmConfig().settings({}), "has no preset to change; begin with SwarmConfig.from_preset"),
        (lambda _: SwarmConfig().update_from_dict({"ppo.clip": 1}), "ppo.clip stands without a preset; name one"),
        (lambda _: SwarmConfig.from_preset("debug", "seed"), "seed: override without '='; write key=value"),
    ],
)
def test_config__refuses_what_would_do_nothing(
    config: SwarmConfig, change: Callable[[SwarmConfig], SwarmConfig], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        change(config).validate()


def _run_example(page: str) -> dict[str, Any]:
    """The names that the only example in Python of a page defines."""
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    return names


@pytest.mark.usefixtures("cluster")
def test_page__shows_what_can_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    names = _run_example("rllib.md")

    assert names["config"].given == {"training.iterations": 2, "training.evaluate_every": 1, "ppo.clip": 0.15}
    assert names["again"].config.run_config.ppo.lr == (1e-3, 1e-3)
    assert names["again"].config.run_config.ppo.clip == 0.15
    assert len(capsys.readouterr().out.split()) >= 3
    assert find_checkpoint(tmp_path / "checkpoints").folder.name == "checkpoint-000002"


def _check_search(results: tune.ResultGrid, searched: str, first_values: set[float]) -> None:
    assert not results.errors
    assert {result.config[searched] for result in results} == first_values
    assert all(0.1 <= result.config["ppo.clip"] <= 0.3 for result in results)
    best = results.get_best_result()
    assert best.metrics
    assert best.metrics["evaluation"][NCS] == max(result.metrics["evaluation"][NCS] for result in results)
    assert best.metrics["training_iteration"] <= 2
    assert {f"evaluation/{NCS}", "record/learning/policy_loss"} <= set(best.metrics_dataframe.columns)


@pytest.mark.usefixtures("cluster")
def test_tuner__searches_as_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    _check_search(_run_example("tuning.md")["results"], "lr", {1e-3, 3e-3})


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
def test_tuner__takes_a_config_whose_trials_have_actors(config: SwarmConfig, tmp_path: Path) -> None:
    config.training(lr=tune.grid_search([1e-3, 1e-2])).env_runners(num_env_runners=1, num_cpus_per_env_runner=0.5)
    config.learners(num_learners=1, num_cpus_per_learner=0.5).resources(num_cpus_for_main_process=0.25)
    config.settings({"training.evaluate_every": 1, "training.iterations": 2, "ppo.clip": tune.uniform(0.1, 0.3)})
    saving = tune.CheckpointConfig(checkpoint_frequency=1)
    tuner = tune.Tuner(
        SwarmAlgorithm,
        param_space=config,
        tune_config=tune.TuneConfig(metric=f"evaluation/{NCS}", mode="max"),
        run_config=tune.RunConfig(storage_path=str(tmp_path), name="search", verbose=0, checkpoint_config=saving),
    )

    results = tuner.fit()

    _check_search(results, "lr", {1e-3, 1e-2})
    saved = results[0].checkpoint
    assert saved
    with saved.as_directory() as folder:
        checkpoint = Checkpoint.load(find_checkpoint(Path(folder)).folder)
    assert checkpoint.iteration == 2
    assert checkpoint.config.sampling.num_env_runners == checkpoint.config.learners.num_learners == 1


@pytest.mark.usefixtures("cluster")
def test_callback__of_the_command_line_is_called(
    tmp_path: Path, exit_code: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_callbacks.py").write_text(
        "from ray.rllib.callbacks.callbacks import RLlibCallback\n\n\n"
        "class Counting(RLlibCallback):\n    calls = 0\n\n"
        "    def on_train_result(self, **_):\n        Counting.calls += 1\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    code = exit_code("train", "debug", *SETTINGS, "--out", "run", "--callback", "my_callbacks:Counting")

    assert code == 0
    assert sys.modules["my_callbacks"].Counting.calls == 4


@pytest.mark.parametrize(
    ("path", "setting", "words"),
    [
        (
            "callbacks:RLlibCallback",
            "engine=local",
            "RLlibCallback: engine=local calls no callbacks of RLlib's; derive",
        ),
        ("callbacks:RLlibCallback", "api_stack=old", "RLlibCallback: api_stack=old calls no callbacks of RLlib's; "),
        ("nowhere:RLlibCallback", "engine=ray", "ray.rllib.callbacks.nowhere"),
    ],
)
def test_callback__that_cannot_be_called_is_refused(
    path: str, setting: str, words: str, error_line: Callable[..., str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    line = error_line("train", "debug", setting, "--out", str(out), "--callback", f"ray.rllib.callbacks.{path}")
    assert words in line
    assert not out.exists()
