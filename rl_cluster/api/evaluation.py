"""Scoring from Python: one policy, or several side by side on the same episodes."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rl_cluster.api.policy import LoadedPolicy, load_policy
from rl_cluster.api.run import Run
from rl_cluster.api.scores import Scores
from rl_cluster.api.settings import load_config, load_scenario
from rl_cluster.api.worlds import make_episodes
from rl_cluster.config.schema import Config
from rl_cluster.config.shared_address import is_address
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.interface import EpisodeSource, LimitedPolicy, Policy
from rl_cluster.errors import ConfigError
from rl_cluster.evaluation import comparison
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.named import as_policy, heuristic_of, heuristics_of
from rl_cluster.evaluation.scoring import GENERATED_EPISODES, SCENARIO_EPISODES
from rl_cluster.extension.import_path import is_import_path
from rl_cluster.training.pretrained import PRETRAINED

__all__ = ["PolicyLike", "compare", "evaluate"]

PolicyLike: TypeAlias = str | Path | Run | LoadedPolicy | Policy
"""A heuristic's name, `module:Class`, `pretrained`, a run or checkpoint folder, a run, or a policy itself."""
SEED = 1000
DEFAULT_PRESET = "quick_demo"


def evaluate(
    policy: PolicyLike,
    config: Config | None = None,
    *,
    scenario: Scenario | str | Path | None = None,
    episodes: int | None = None,
    seed: int = SEED,
) -> Scores:
    """Scores a policy in episodes that are never trained on; equal arguments give equal scores.

    Args:
        policy: A heuristic's name, `module:Class`, `pretrained`, a run or checkpoint folder, or an object with `name`,
            `is_deterministic` and `act`. A network takes its most probable actions; `LoadedPolicy.playing` has others.
        config: The settings whose episodes are played; None: those that the policy was trained with, else quick_demo's.
        scenario: A scenario, or its file, to play instead of generated episodes.
        episodes: How many; None: 200, or 20 of a scenario. A policy that draws nothing plays a scenario once.
        seed: Keys the episodes and every draw.

    Raises:
        RlClusterError: The policy or the scenario is unusable, or does not fit the rest.
    """
    played = compare([policy], config, scenario=scenario, episodes=episodes, seed=seed)
    return Scores.of(played, next(iter(played.values)))


def compare(
    policies: Sequence[PolicyLike],
    config: Config | None = None,
    *,
    baselines: Sequence[PolicyLike] = (),
    scenario: Scenario | str | Path | None = None,
    episodes: int | None = None,
    seed: int = SEED,
) -> Comparison:
    """Plays the same episodes with several policies; see `evaluate`.

    The differences of each policy to each of the baselines are paired by episode.

    Raises:
        RlClusterError: Two policies have the same name, or as `evaluate`.
    """
    if not policies:
        raise ConfigError("compare", "there are no policies", "name one at least")
    given = [*policies, *baselines]
    known = [_loaded(candidate, _task_of(config, given)) for candidate in given]
    config = config or next((one.config for one in known if isinstance(one, LoadedPolicy)), load_config(DEFAULT_PRESET))
    episode = _episode(config, scenario, seed)
    ready = [_ready(one, config, episode, seed) for one in known]
    _check_names([policy.name for policy in ready])
    num_episodes = episodes or (GENERATED_EPISODES if scenario is None else SCENARIO_EPISODES)
    first, others = ready[: len(policies)], ready[len(policies) :]
    return comparison.compare(first, others, episode.source, config, num_episodes, are_alike=scenario is not None)


class _Episodes(NamedTuple):
    source: EpisodeSource
    where: str


def _episode(config: Config, scenario: Scenario | str | Path | None, seed: int) -> _Episodes:
    given = load_scenario(scenario) if isinstance(scenario, str | Path) else scenario
    return _Episodes(make_episodes(config, seed, given), given.name if given else config.name)


def _loaded(candidate: PolicyLike, task: str) -> LoadedPolicy | Policy | str:
    """The network or the policy; of a heuristic its name, because its seed is not known yet."""
    if isinstance(candidate, Run):
        return candidate.policy()
    if isinstance(candidate, str) and candidate != PRETRAINED:
        is_named = candidate in heuristics_of(task) or is_import_path(candidate)
        is_place = is_address(candidate) or Path(candidate).exists()
        return load_policy(candidate) if is_place and not is_named else candidate
    if isinstance(candidate, str | Path):
        return load_policy(candidate)
    return candidate


def _ready(candidate: LoadedPolicy | Policy | str, config: Config, episodes: _Episodes, seed: int) -> Policy:
    """What plays the episodes. Raises ConfigError or ScenarioError if it cannot."""
    if isinstance(candidate, LoadedPolicy):
        candidate.check(config, *episodes)
        return candidate.playing()
    if isinstance(candidate, str):
        candidate = heuristic_of(candidate, config.task, seed)
    policy = as_policy(candidate, repr(candidate))
    if isinstance(policy, LimitedPolicy):
        policy.check(episodes.source, config)
    return policy


def _task_of(config: Config | None, given: Sequence[PolicyLike]) -> str:
    """The task whose heuristics are meant by their names."""
    tasks = [one.config.task for one in given if isinstance(one, Run | LoadedPolicy)]
    return config.task if config else (tasks[0] if tasks else "allocate")


def _check_names(names: Sequence[str]) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ConfigError("compare", f"two policies are named {name}", "give each a name of its own")
