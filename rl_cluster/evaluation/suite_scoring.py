"""Plays suites: every policy plays the episodes of every suite, and each suite has its best heuristic.

What policies there are, and whether they fit, is decided as for any other evaluation (`scoring.py`). Networks play by
their most probable actions, and see and choose as they were trained (`sampling/view.py`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rl_cluster.config.schema import Config
from rl_cluster.environment.shared.interface import EpisodeSource, LimitedPolicy, Policy
from rl_cluster.environment.tasks import task_of
from rl_cluster.evaluation.comparison import Comparison
from rl_cluster.evaluation.intervals import Interval
from rl_cluster.evaluation.scoring import Request, prepare
from rl_cluster.evaluation.suite import Suite
from rl_cluster.evaluation.suite_episodes import episode_names, suite_source
from rl_cluster.sampling.episodes import evaluate

__all__ = ["Played", "SuiteScores", "SuiteScoring", "prepare_suites"]

SAMPLED = " sampled"
"""How the names of policies end that draw their actions; they do not play suites."""


@dataclass(frozen=True, slots=True)
class SuiteScores:
    """The scores in the episodes of one suite."""

    suite: Suite
    comparison: Comparison
    heuristics: Sequence[str]
    """Names of the heuristics among the policies."""
    episodes: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    """Name of each episode that has one -> policy -> metric -> value."""

    @property
    def objective(self) -> int:
        """Position of the suite's objective among the metrics."""
        return [metric.name for metric in self.comparison.metrics].index(self.suite.objective)

    @property
    def best_heuristic(self) -> str:
        """The heuristic with the highest mean of the objective; of equals, the one with the higher headline metric."""
        names = [metric.name for metric in self.comparison.metrics]

        def rank(name: str) -> tuple[float, float]:
            mean = self.comparison.means[name].mean
            return float(mean[self.objective]), float(mean[names.index("normalized_completion_score")])

        return max(self.heuristics, key=rank)

    @property
    def networks(self) -> list[str]:
        """Names of the policies that are no heuristics."""
        return [name for name in self.comparison.means if name not in self.heuristics]

    def lead(self, name: str) -> Interval:
        """The policy's objective minus that of the best heuristic, paired by episode."""
        difference = self.comparison.differences[name][self.best_heuristic]
        return Interval(*(part[self.objective] for part in difference))


class Played(NamedTuple):
    """What is played at this moment."""

    suite: Suite
    policy: str
    num_done: int
    """Episodes of this suite that the policy has played"""


class _Ready(NamedTuple):
    """A suite, checked and ready to play."""

    suite: Suite
    config: Config
    source: EpisodeSource
    num_episodes: int
    networks: Sequence[Policy]
    heuristics: Sequence[Policy]


@dataclass(frozen=True, slots=True)
class SuiteScoring:
    """The suites and the policies that play them."""

    notes: Sequence[str]
    """What the user should know about the policies."""
    _suites: Sequence[_Ready]

    def play(self, progress: Callable[[Played], None]) -> Iterator[SuiteScores]:
        """Plays suite after suite; `progress` is told before each batch of episodes."""
        for ready in self._suites:
            yield _play(ready, progress)


def prepare_suites(suites: Sequence[Suite], request: Request, default_preset: Config) -> SuiteScoring:
    """Loads and checks all policies and all suites; plays nothing.

    Args:
        suites: What is to be played.
        request: The policies, and how many episodes; everything else about episodes is the suites' own.
        default_preset: As in `prepare`.

    Raises:
        CheckpointError, ConfigError, ScenarioError: As `prepare`; no policy knows the suites' kinds of resource.
    """
    ready, notes = [], list[str]()
    for suite in suites:
        config = suite.config()
        num_episodes = request.num_episodes or suite.num_episodes
        scoring = prepare(replace(request, preset=config, seed=suite.seed, is_view_kept=True), default_preset)
        source, notes = suite_source(suite, config, num_episodes), list(scoring.notes)
        for policy in scoring.baselines:
            if isinstance(policy, LimitedPolicy):
                policy.check(source, config)
        networks = [policy for policy in scoring.policies if not policy.name.endswith(SAMPLED)]
        ready.append(_Ready(suite, config, source, num_episodes, networks, scoring.baselines))
    return SuiteScoring(notes, ready)


def _play(ready: _Ready, progress: Callable[[Played], None]) -> SuiteScores:
    def tell(policy_name: str, num_done: int) -> None:
        progress(Played(ready.suite, policy_name, num_done))

    outcomes = {
        policy.name: evaluate(policy, ready.source, ready.config, ready.num_episodes, progress=tell)
        for policy in (*ready.networks, *ready.heuristics)
    }
    heuristics = [policy.name for policy in ready.heuristics]
    comparison = Comparison.of(outcomes, heuristics, task_of(ready.config).metrics)
    episodes = {
        name: {
            policy: {metric: float(values[number]) for metric, values in scores.items()}
            for policy, scores in outcomes.items()
        }
        for number, name in enumerate(episode_names(ready.suite, ready.num_episodes))
    }
    return SuiteScores(ready.suite, comparison, heuristics, episodes)
