"""Which metrics show that something is wrong, and for how long they must show it.

A single iteration says little. An alert is raised when the median of the last values is beyond its limit. It is
reported once, and again when it is over. At the limits something costs much or is about to fail; what costs little is a
matter of tuning, not of alarm.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from rl_cluster.metrics import names
from rl_cluster.metrics.names import EXPOSED_SHARE

__all__ = ["RULES", "WINDOW", "Alert", "AlertOver", "Alerts", "Rule"]

WINDOW = 5
"""The number of values whose median counts; with fewer, no alert is raised."""
MIB = float(1 << 20)


_Text = Annotated[str, Field(max_length=300)]
_Number = Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Alert:
    """A metric has been beyond its limit for long enough."""

    kind: Literal["alert"]
    key: _Text
    value: _Number
    """the median that broke the limit"""
    limit: _Number
    is_floor: bool
    """True = it is below the limit, not above it"""
    remedy: _Text

    @property
    def words(self) -> str:
        """One line, as the terminal shows it."""
        side = "below" if self.is_floor else "above"
        return f"alert: {self.key} is {self.value:.3g}, {side} {self.limit:g}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class AlertOver:
    """The metric is within its limit again."""

    kind: Literal["alert over"]
    key: _Text
    value: _Number

    @property
    def words(self) -> str:
        """One line, as the terminal shows it."""
        return f"alert over: {self.key} is {self.value:.3g}"


class Rule(NamedTuple):
    """A rule for when a key's value is alarming."""

    key: str
    limit: float
    remedy: str
    is_floor: bool = False
    """True = values below the limit are alarming, not those above"""
    window: int = WINDOW
    stands_for: str = "1m"
    """how long it must last for Prometheus, which does not count iterations"""

    def is_broken(self, value: float) -> bool:
        """Whether a value is beyond the limit."""
        return value < self.limit if self.is_floor else value > self.limit


RULES = (
    Rule(names.learning_key("effective_sample_share"), 0.30, "lower sampling.max_lag, ppo.lr or ppo.num_epochs", True),
    Rule(names.balance_key("runner", "imbalance"), 0.30, "look for a slow or crowded node under env runners"),
    Rule(
        names.balance_key("learner", "imbalance"),
        0.30,
        "look for a slow GPU among the Learners, or rows shared out unevenly",
    ),
    Rule(names.balance_key("node", "imbalance"), 0.30, "look at the slow node's load and clocks"),
    Rule(EXPOSED_SHARE, 0.35, "larger minibatches, fewer Learners, or a faster link between them"),
    Rule(
        names.COMMUNICATION_BUS_RATIO, 0.40, "something else uses the link between Learners, or one of them lags", True
    ),
    Rule(
        names.MEMORY_FRAGMENTATION, 0.40, "set learners.part_rows, or PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True"
    ),
    Rule(names.MEMORY_ALLOCATION_RETRIES, 0.0, "lower learners.part_rows or learners.memory_share"),
    # Sixteen slopes cover 200 iterations: an allocator may grow for the first hundred while it warms up, then stops.
    Rule(
        names.MEMORY_LEAK_LOW_BYTES_PER_ITERATION,
        MIB,
        "look for tensors or arrays that callbacks keep",
        window=16,
        stands_for="30m",
    ),
    Rule(names.NODE_MEMORY_SHARE_MAX, 0.95, "fewer env runners on the node, or fewer worlds each"),
    Rule(names.NODE_DISK_SHARE_MAX, 0.95, "make room: checkpoints and spilled objects need it"),
    Rule(names.NODE_OBJECT_STORE_SHARE_MAX, 0.95, "a larger object store (ray start --object-store-memory)"),
    Rule(names.GPU_BUSY_SHARE_MEAN, 0.40, "more env runners or larger batches: GPUs wait", True),
    Rule(names.GPU_MEMORY_SHARE_MAX, 0.97, "lower learners.memory_share"),
    Rule(names.GPU_THROTTLED, 0.0, "check cooling and power of the GPUs"),
)
"""All rules."""


class Alerts:
    """Watches the metrics of one run."""

    def __init__(self) -> None:
        self._values = {rule.key: deque[float](maxlen=rule.window) for rule in RULES}
        self.active: set[str] = set()
        """keys of the active alerts"""

    def note(self, metrics: Mapping[str, float]) -> list[Alert | AlertOver]:
        """Takes an iteration's metrics; returns the alerts that have begun or are over."""
        told = [self._judge(rule, metrics[rule.key]) for rule in RULES if rule.key in metrics]
        return [event for event in told if event]

    def _judge(self, rule: Rule, value: float) -> Alert | AlertOver | None:
        values = self._values[rule.key]
        values.append(value)
        middle = median(values)
        is_broken = len(values) == rule.window and rule.is_broken(middle)
        if is_broken == (rule.key in self.active):
            return None
        self.active.symmetric_difference_update({rule.key})
        if not is_broken:
            return AlertOver("alert over", rule.key, middle)
        return Alert("alert", rule.key, middle, rule.limit, rule.is_floor, rule.remedy)
