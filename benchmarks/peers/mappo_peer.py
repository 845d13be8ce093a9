"""BenchMARL's side of `measure/mappo.py`: MAPPO on VMAS's simple_spread, run by the Python of another environment.

    python benchmarks/peers/mappo_peer.py mlp|gnn NUM_AGENTS NUM_WORLDS NUM_STEPS EPOCHS MINIBATCH ITERATIONS

It prints the CPU seconds of every iteration as JSON. Settings that are not passed are BenchMARL's defaults, and so are
the networks of `mlp`: an actor of 256-256 tanh that all agents share, and a central critic of 256-256. With `gnn`,
actor and critic are a GraphConv over all pairs of agents, 256 wide, and a layer of 256 after it.
"""

import itertools
import json
import sys
import tempfile
import time

import torch
from benchmarl.algorithms import MappoConfig
from benchmarl.environments import VmasTask
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models import GnnConfig, MlpConfig
from benchmarl.models.common import ModelConfig, SequenceModelConfig
from torch_geometric.nn import GraphConv

WIDTH = 256


class Clock(Callback):
    """Notes the CPU time at the end of each update."""

    def __init__(self) -> None:
        super().__init__()
        self.times_s = [time.process_time()]

    def on_train_end(self, training_td: object, group: str) -> None:  # noqa: ARG002 - BenchMARL's signature
        """An iteration is over."""
        self.times_s.append(time.process_time())


def make_network(network: str) -> ModelConfig:
    """An actor or a critic."""
    if network == "mlp":
        return MlpConfig.get_from_yaml()
    graph = GnnConfig(topology="full", self_loops=False, gnn_class=GraphConv, gnn_kwargs={"aggr": "add"})
    head = MlpConfig(num_cells=[WIDTH], layer_class=torch.nn.Linear, activation_class=torch.nn.Tanh)
    return SequenceModelConfig(model_configs=[graph, head], intermediate_sizes=[WIDTH])


def main(
    network: str,
    num_agents: int,
    num_worlds: int,
    num_steps: int,
    num_epochs: int,
    minibatch_rows: int,
    iterations: int,
) -> None:
    """Trains, and prints."""
    torch.set_num_threads(1)
    config = ExperimentConfig.get_from_yaml()
    config.on_policy_collected_frames_per_batch = num_worlds * num_steps
    config.on_policy_n_envs_per_worker = num_worlds
    config.on_policy_n_minibatch_iters = num_epochs
    config.on_policy_minibatch_size = minibatch_rows
    config.max_n_iters, config.max_n_frames = iterations, None
    config.evaluation, config.render, config.loggers, config.create_json = False, False, [], False
    task = VmasTask.SIMPLE_SPREAD.get_from_yaml()
    task.config["n_agents"] = num_agents
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        config.save_folder = folder
        experiment = Experiment(
            task=task,
            algorithm_config=MappoConfig.get_from_yaml(),
            model_config=make_network(network),
            critic_model_config=make_network(network),
            seed=0,
            config=config,
            callbacks=[clock],
        )
        clock.times_s = [time.process_time()]
        experiment.run()
    seconds = [end - begin for begin, end in itertools.pairwise(clock.times_s)]
    print("\n" + json.dumps(seconds))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
