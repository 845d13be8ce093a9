"""A trained policy, ready to act: on observations, in worlds, or on a scenario."""

from pathlib import Path
from typing import Any, Literal, overload

from numpy.typing import NDArray

from rl_cluster.api.decisions import Decisions, named_actions
from rl_cluster.api.on_board import OnBoard
from rl_cluster.api.worlds import make_episodes, make_worlds
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.config.shared_address import name_of, place
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import EpisodeSource, Worlds
from rl_cluster.errors import ConfigError, ScenarioError
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.acting import act, most_probable
from rl_cluster.sampling.episodes import ModelPolicy
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.files.fetched_run import fetched
from rl_cluster.training.pretrained import PRETRAINED, load_pretrained, num_resources_of
from rl_cluster.types import Observation

__all__ = ["LoadedPolicy", "load_policy"]


class LoadedPolicy:
    """A trained network with the settings that it was trained with. `load_policy` makes one.

    Args:
        name: The name under which its results are reported.
        model: The network.
        config: The settings that it was trained with: it sees and chooses by them.
    """

    def __init__(self, name: str, model: TransformerGNN, config: Config) -> None:
        self.name, self.model, self.config = name, model.eval(), config

    def __repr__(self) -> str:
        return f"LoadedPolicy({self.name!r}, task={self.config.task!r})"

    @overload
    def act(self, seen: Observation[NDArray[Any]] | Worlds) -> NDArray[Any]: ...
    @overload
    def act(self, seen: Scenario) -> Decisions: ...
    def act(self, seen: Observation[NDArray[Any]] | Worlds | Scenario) -> NDArray[Any] | Decisions:
        """The most probable actions.

        Args:
            seen: Worlds: all rounds of intent and turns, as `evaluate` plays. A scenario: the same at its start, by the
                names of UAVs and targets. An observation: one pass of the network, in which no UAV learns what the
                others choose.

        Returns:
            Actions (B, N), or controls (B, N, 2); of a scenario, `Decisions`.

        Raises:
            ScenarioError: The scenario does not fit the task, or has other kinds of resource than were trained with.
        """
        if isinstance(seen, Observation):
            return most_probable(self.model, seen)
        if isinstance(seen, Scenario):
            return self._decide(seen)
        return act(self.model, seen, seen.observation, None).applied

    def playing(self, mode: Literal["argmax", "sampled"] = "argmax", seed: int = 0) -> ModelPolicy:
        """The policy as `evaluate` plays it, on the interface of heuristics; `sampled` draws its actions."""
        return ModelPolicy(self.model, mode, seed, self.name, None, self.config)

    def on_board(self, scenario: Scenario) -> OnBoard:
        """The policy in a scenario that is flown for real: readings in, decisions out, with memory between calls.

        Raises ScenarioError if it does not fit, ConfigError if the task takes no readings.
        """
        self.check(self.config, make_episodes(self.config, 0, scenario), scenario.name)
        return OnBoard(self.playing(), self.config, scenario)

    def check(self, config: Config, source: EpisodeSource, where: str) -> None:
        """Raises ConfigError or ScenarioError if it cannot play these episodes, which are from `where`."""
        if config.task != self.config.task:
            what = f"{self.name} was trained on task {self.config.task}, but {where} is of task {config.task}"
            raise ConfigError("evaluate", what, "score policies of one task at a time")
        known, given = num_resources_of(self.config), source.sizes.num_resources
        if given != known:
            what = f"has {given} kinds of resource, but {self.name} knows {known}"
            raise ScenarioError(where, what, "use a policy that was trained with as many kinds")

    def _decide(self, scenario: Scenario) -> Decisions:
        worlds = make_worlds(self.config, scenario=scenario)
        self.check(self.config, worlds.source, scenario.name)
        worlds.reset()
        return named_actions(worlds, scenario, self.act(worlds))


def load_policy(path: str | Path) -> LoadedPolicy:
    """The policy of a run's newest sound checkpoint, of a checkpoint folder, or the one of this package, `pretrained`.

    The run or checkpoint may lie in shared storage, as `s3://BUCKET/FOLDER`.

    Raises CheckpointError if there is none, or if it is damaged.
    """
    if str(path) == PRETRAINED:
        preset = load_config(PRETRAINED)
        found = load_pretrained(preset.task, num_resources_of(preset))
        return LoadedPolicy(PRETRAINED, found.model(), found.config)
    where = place(path)
    with fetched(where) as folder:
        checkpoint = Checkpoint.load(find_checkpoint(folder).folder)
    return LoadedPolicy(name_of(where), load_model(checkpoint), checkpoint.config)
