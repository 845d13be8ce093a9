"""Our side of comparisons with peers: the runners and Learners of this package, with a network of choice."""

from collections.abc import Callable
from typing import Any

from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from benchmarks.mlp import SwarmMLP
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import graph_spec
from rl_cluster.rllib.algorithm import SwarmAlgorithm
from rl_cluster.rllib.algorithm_config import SwarmConfig
from rl_cluster.rllib.rl_module import SwarmRLModule
from rl_cluster.schedulers.learning_rate import schedule

__all__ = ["NUM_UAVS", "allocate_run", "make_mlp", "make_ours", "navigate_run"]

NUM_UAVS = 8


def navigate_run(num_worlds: int, num_runners: int = 0, num_learners: int = 0, num_encounters: int = 1) -> Config:
    """A swarm of 8 in `navigate`. `num_worlds` is the total; an MLP reads no encounters, so one is enough for it."""
    settings = ["generator.num_obstacles=[2, 2]", f"world.num_encounters={num_encounters}"]
    settings.append(
        f"learners.part_rows={_minibatch_rows(num_worlds)}"
    )  # an MLP takes a minibatch whole, as its peers do
    return _run("navigate_demo", num_worlds, num_runners, num_learners, settings)


def allocate_run(num_worlds: int, num_runners: int = 0, num_learners: int = 0) -> Config:
    """A swarm of 8 with 8 targets in `allocate`, and the TransformerGNN `small`; one round of intent."""
    settings = [f"generator.num_targets=[{NUM_UAVS}, {NUM_UAVS}]", "world.intent_rounds=1"]
    sizes = ["model.size=small", "model.width=128", "model.num_layers=2", "model.num_heads=4"]
    return _run("quick_demo", num_worlds, num_runners, num_learners, [*settings, *sizes, "learners.part_rows=256"])


def _minibatch_rows(num_worlds: int) -> int:
    return num_worlds * 50 // 8


def _run(preset: str, num_worlds: int, num_runners: int, num_learners: int, settings: list[str]) -> Config:
    remote = {"sampling.cpus_per_runner=0.25": num_runners, "learners.cpus_per_learner=0.25": num_learners}
    return load_config(
        preset,
        [
            *settings,
            *(setting for setting, num_actors in remote.items() if num_actors),  # else refused: it has no effect
            f"generator.num_uavs=[{NUM_UAVS}, {NUM_UAVS}]",
            "world.training_intent_rounds=1" if preset == "quick_demo" else "model.precision=fp32",
            "model.precision=fp32",
            f"sampling.worlds_per_runner={num_worlds // max(1, num_runners)}",
            "sampling.fragment_steps=50",
            f"sampling.num_env_runners={num_runners}",
            f"learners.num_learners={num_learners}",
            f"ppo.minibatch_rows={_minibatch_rows(num_worlds)}",
            "ppo.num_epochs=4",
            "training.iterations=1000",
        ],
    )


def make_mlp(run: Config) -> Any:
    """The MLP that replaces the TransformerGNN of a run."""
    return SwarmMLP(run.model, graph_spec(run))


class NetworkModule(SwarmRLModule):
    """A module with the network that `model_config["network"]` makes from the run."""

    def setup(self) -> None:
        """Makes the network."""
        super().setup()
        self.model = self.model_config["network"](self.model_config["run"])


class NetworkConfig(SwarmConfig):
    """A config that uses `NetworkModule`."""

    network: Callable[[Config], Any]

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """The spec of `NetworkModule`."""
        return RLModuleSpec(module_class=NetworkModule, model_config={"run": self.run_config, "network": self.network})


def make_ours(run: Config, network: Callable[[Config], Any] | None = None) -> SwarmAlgorithm:
    """The algorithm of a run after its setup, with its TransformerGNN or with the network that `network` makes."""
    config = SwarmConfig()
    if network:
        config = NetworkConfig()
        config.network = network
    algorithm = SwarmAlgorithm(config=config.for_run(run).without_surprises().callbacks(callbacks_class=[]))
    algorithm.controls = schedule(run.ppo, 0.0)
    return algorithm
