"""A trained policy, ready to act: on observations, in worlds, or on a scenario."""

from pathlib import Path
from typing import Any, Literal, TypeAlias, overload

from numpy.typing import NDArray

from rl_cluster.api.worlds import make_worlds
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import EpisodeSource, Worlds
from rl_cluster.errors import ConfigError, ScenarioError
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.acting import act, most_probable
from rl_cluster.sampling.episodes import ModelPolicy
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint, load_model
from rl_cluster.training.pretrained import PRETRAINED, load_pretrained, num_resources_of
from rl_cluster.types import WAIT, Observation

__all__ = ["Decisions", "LoadedPolicy", "load_policy"]

Decisions: TypeAlias = dict[str, str | tuple[float, ...] | None]
"""Id of a UAV -> id of the target that it flies to, None = it hovers; in `navigate`: its controls, each in [-1, 1]."""


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
        observation = worlds.reset()
        actions = self.act(worlds)[0]
        if actions.ndim > 1:
            return {uav: tuple(map(float, controls)) for uav, controls in zip(scenario.uav_ids, actions, strict=True)}
        chosen: Decisions = {}
        for i, (uav, action) in enumerate(zip(scenario.uav_ids, actions, strict=True)):
            target = None if action == WAIT else scenario.target_ids[observation.candidates[0, i, action - 1]]
            chosen[uav] = target
        return chosen


def load_policy(path: str | Path) -> LoadedPolicy:
    """The policy of a run's newest sound checkpoint, of a checkpoint folder, or the one of this package, `pretrained`.

    Raises CheckpointError if there is none, or if it is damaged.
    """
    if str(path) == PRETRAINED:
        preset = load_config(PRETRAINED)
        found = load_pretrained(preset.task, num_resources_of(preset))
        return LoadedPolicy(PRETRAINED, found.model(), found.config)
    checkpoint = Checkpoint.load(find_checkpoint(Path(path)).folder)
    return LoadedPolicy(Path(path).absolute().name, load_model(checkpoint), checkpoint.config)
