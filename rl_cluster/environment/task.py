"""What a task is to the rest of the package: a record of its parts. No other module tells tasks apart.

The folder of each task fills one in (`allocate/task.py`, `navigate/task.py`); `tasks.py` finds the one of a run.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from rl_cluster.config.schema import Config, ModelConfig
from rl_cluster.environment.scenario.scenario_file import Scenario
from rl_cluster.environment.shared.array_form import Bounds
from rl_cluster.environment.shared.columns import FeatureRows
from rl_cluster.environment.shared.interface import EpisodeMetric, PolicyOf, Sizes, SourceOf
from rl_cluster.environment.shared.planning import Planning
from rl_cluster.environment.shared.readings import Readings
from rl_cluster.environment.shared.recording import Recording
from rl_cluster.types import FloatArray, GraphSpec, Observation

__all__ = ["Task"]

SUMMARY_COLUMNS = 4
"""Metrics beside the headline in the summary of a task that does not choose its own."""

StateT = TypeVar("StateT")
WorldsT = TypeVar("WorldsT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[StateT, WorldsT]):
    """The parts of a task. They fit each other, but no other task's parts."""

    name: str
    """The value of `Config.task`."""
    settings: type[Config]
    """The class of a run's settings."""
    preset: str
    """The shipped preset that demonstrates the task; of a user's task the path of its file of settings."""
    make_generator: Callable[[Any, Any, int, bool, Sequence[Any]], SourceOf[StateT]]
    """Makes a source from the sections `generator` and `world`, a seed, whether it is for training, and stages."""
    make_scenarios: Callable[[Sequence[Scenario], Any, int], SourceOf[StateT]]
    """Makes a source from scenarios, a section `world` and a seed. Raises ScenarioError if one does not fit."""
    make_worlds: Callable[[SourceOf[StateT], Config, int, int, bool], WorldsT]
    """Makes worlds from a source and a run's settings: how many, the number of the first, whether for training."""
    empty_observation: Callable[[int, Sizes, Config], Observation[NDArray[Any]]]
    """Number of worlds, their sizes, settings -> an empty observation of the right shapes and dtypes."""
    features: FeatureRows
    """The columns of its feature rows."""
    graph_spec: Callable[[Config], GraphSpec]
    """What the network of a run must fit."""
    heuristics: Mapping[str, Callable[[int], PolicyOf[WorldsT]]]
    """Name -> what makes the heuristic from a seed, weakest first."""
    extras: Mapping[str, Callable[[int], PolicyOf[WorldsT]]]
    """Policies that play only when named, because they need an extra or a lot of time: name -> what makes one."""
    preference_ranges: Callable[[Config], Mapping[str, tuple[float, float]]]
    """Preference -> lowest and highest weight that a run is trained with, in the order of the weights; empty: the task
    has none."""
    tell: Callable[[Observation[NDArray[Any]], FloatArray, Config], Observation[NDArray[Any]]]
    """The observation as a policy sees it whose operator prefers these weights (P,); the run's settings say its
    columns."""
    reference: str
    """The heuristic that scores are compared with: the strongest that plays at every size."""
    metrics: tuple[EpisodeMetric, ...]
    """The metrics of an episode, in the order in which tables show them."""
    headline: EpisodeMetric
    """The metric that says most about a policy."""
    summary: tuple[EpisodeMetric, ...] = ()
    """The metrics that a summary of one screen shows, at most eight: what was served, when and how far first; empty:
    the first of `metrics`, and the headline."""
    recording: Recording[WorldsT]
    """What traces hold."""
    planning: Planning[WorldsT]
    """How a search writes down, changes and values plans."""
    state_bounds: Callable[[Sizes], Mapping[str, Bounds]]
    """Field of the saved state -> the values that it can hold."""
    state_fault: Callable[[Mapping[str, NDArray[Any]]], str | None]
    """How saved fields contradict each other, although each is within its bounds; None = they do not."""
    make_network: Callable[[ModelConfig, GraphSpec], Any] | None = None
    """Makes the network of a run, which has the members that `TransformerGNN` has; None = a `TransformerGNN`."""
    take_readings: Callable[[dict[str, NDArray[Any]], Readings], None] | None = None
    """Puts what UAVs report in flight into the saved fields of one world; None = the task takes no readings."""

    @property
    def shown(self) -> tuple[EpisodeMetric, ...]:
        """The metrics of a summary."""
        return self.summary or tuple(dict.fromkeys((*self.metrics[:SUMMARY_COLUMNS], self.headline)))
