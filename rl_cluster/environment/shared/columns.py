"""Names for the columns of arrays: feature rows, outcomes, and other arrays that hold one figure per column.

A feature row begins with blocks. A block holds one column for each of the R kinds of resource, so block b of kind r is
column b R + r. Single columns follow: column c of them is column (number of blocks) R + c. Each task lists its columns
in a `columns.py` beside the kernels that write them, and widths follow from these lists alone.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple, Self

from rl_cluster.environment.shared.interface import EpisodeMetric
from rl_cluster.types import GraphSpec

__all__ = ["FeatureColumn", "FeatureRow", "FeatureRows", "MetricColumn", "Place"]


class Place(IntEnum):
    """Base of lists of places: members made by `auto()` count from 0. Numba compiles them as constants."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[int]) -> int:  # noqa: ARG004 - as enum calls it
        return count


class MetricColumn(IntEnum):
    """Base of lists of episode metrics: a member is its place in a table of outcomes, and has the metric's name.

    A member is defined by the rest of its `EpisodeMetric`, and counts from 0. Numba compiles it as a constant.
    """

    label: str
    unit: str
    decimals: int
    text: str

    def __new__(cls, label: str, unit: str, decimals: int, text: str) -> Self:
        """The next place in the list."""
        place = len(cls.__members__)
        member = int.__new__(cls, place)
        member._value_ = place
        member.label, member.unit, member.decimals, member.text = label, unit, decimals, text
        return member

    @property
    def metric(self) -> EpisodeMetric:
        """What tables and figures need to know about the metric."""
        return EpisodeMetric(self.name.lower(), self.label, self.unit, self.decimals, self.text)


class FeatureColumn(IntEnum):
    """Base of lists of columns: a member is its place among the single columns, or among the blocks, of its row.

    A member is defined by its scale and its meaning, and counts from 0. Numba compiles it as a constant.
    """

    scale: str
    """what the amount is divided by, then where it is cut: `/ SR, at most 8, over 4` is min(amount / SR, 8) / 4"""
    meaning: str
    """what the amount is"""

    def __new__(cls, scale: str, meaning: str) -> Self:
        """The next place in the list."""
        place = len(cls.__members__)
        member = int.__new__(cls, place)
        member._value_, member.scale, member.meaning = place, scale, meaning
        return member


class FeatureRow(NamedTuple):
    """The columns of the rows of one array, in order."""

    columns: Sequence[FeatureColumn] = ()
    blocks: Sequence[FeatureColumn] = ()

    def width(self, num_resources: int) -> int:
        """How many columns a row has for R kinds of resource."""
        return len(self.blocks) * num_resources + len(self.columns)


class FeatureRows(NamedTuple):
    """The columns of all feature rows of a task, by the array of the `Observation` that holds the rows."""

    uav: FeatureRow
    target: FeatureRow
    obstacle: FeatureRow
    pair: FeatureRow

    def graph_spec(self, num_resources: int, num_controls: int) -> GraphSpec:
        """What a network must fit.

        Args:
            num_resources: R, kinds of resource.
            num_controls: Continuous controls per UAV; 0 = a UAV chooses among its candidates.
        """
        uav, target, obstacle, pair = (row.width(num_resources) for row in self)
        return GraphSpec(uav, target, obstacle, pair, num_controls)
