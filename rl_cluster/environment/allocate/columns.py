"""The columns of the feature rows of task `allocate`; the kernels of `features.py` write them.

SR is the sensing radius; *unit*, *under way*, *committed*, *uncovered*, *free* and *ideal* are words of `intent.py`.
Directions are in the UAV's body frame. A ratio whose divisor is nothing is 0. Targets that have not appeared count
nowhere.
"""

from rl_cluster.environment.shared.columns import FeatureColumn, FeatureRow, FeatureRows

__all__ = [
    "FEATURES",
    "ObstacleColumn",
    "PairBlock",
    "PairColumn",
    "TargetBlock",
    "TargetColumn",
    "UavBlock",
    "UavColumn",
]


class UavBlock(FeatureColumn):
    """The columns of a UAV that exist once per kind of resource."""

    CARRIED = "/ unit", "what it carries"
    CARRIED_SHARE = "/ what it carried at the start, at most 1", "what it carries"
    SUPPLY = "/ what remains of all targets, at most 3", "what all flying UAVs carry"
    CHOICE_UNCOVERED = "/ unit", "what is uncovered of its choice; 0 without one"


class UavColumn(FeatureColumn):
    """The single columns of a UAV."""

    RANGE_LEFT = "/ SR, at most 8, over 4", "range left"
    RANGE_LEFT_OF_SIDE = "/ side of the area, at most 3", "range left"
    TIME_GONE = "/ time limit", "time since the start"
    TIME_LEFT_WAY = "/ SR, at most 16, over 8", "way that the time left allows at cruise speed"
    HAS_CHOICE = "0 or 1", "it has a choice"
    CHOICE_COS = "cosine", "bearing to its choice; 0 without one"
    CHOICE_SIN = "sine", "bearing to its choice; 0 without one"
    CHOICE_DISTANCE = "/ SR, at most 4", "distance to its choice; 0 without one"
    CRUISE_SPEED = "/ mean of the UAVs", "cruise speed"
    CAN_FLY = "0 or 1", "it has range left"
    LEGAL_TARGETS = "/ open targets", "targets that it may choose"
    OPEN_TARGETS = "/ targets that have appeared", "open targets"
    FLYING_UAVS = "/ UAVs", "UAVs that fly"
    FLYING_PER_TARGET = "/ open targets, at most 4, over 4", "UAVs that fly"
    IS_PRESENT = "0 or 1", "it is at its choice, to serve or to wait"
    HAS_DEPOT = "0 or 1", "it has a depot"
    DEPOT_COS = "cosine", "bearing to its depot; 0 without one"
    DEPOT_SIN = "sine", "bearing to its depot; 0 without one"
    DEPOT_DISTANCE = "/ SR, at most 4", "distance to its depot; 0 without one"
    PREFER_CROWDING = "log2, over 2, within +-3", "weight of crowding in this episode"
    PREFER_TIME = "log2, over 2, within +-3", "weight of time in this episode"
    PREFER_DISTANCE = "log2, over 2, within +-3", "weight of distance in this episode"


class TargetBlock(FeatureColumn):
    """The columns of an open target that exist once per kind of resource."""

    REMAINING = "/ unit", "what remains of its demand"
    REMAINING_SHARE = "/ demand, at most 1", "what remains of its demand"
    COMMITTED = "/ unit, at most 8", "what is committed to it"
    UNCOVERED = "/ unit", "what is uncovered"
    FREE_SUPPLY = "/ uncovered, at most 2", "what free UAVs carry that may choose it; 2 where nothing is uncovered"
    PRESENT = "/ unit, at most 8", "what those carry that are at it"


class TargetColumn(FeatureColumn):
    """The single columns of an open target."""

    IDEAL = "at most 16, over 4", "ideal number of UAVs"
    UNDER_WAY = "/ ideal, at most 2", "UAVs under way to it"
    EARLIEST_ARRIVAL = "/ 10 decision intervals, at most 2", "time until the first of them arrives; 2 without any"
    IS_COVERED = "0 or 1", "nothing is uncovered"
    IS_COVERABLE = "0 or 1", "free UAVs can cover what is uncovered"
    MEAN_REMAINING_SHARE = "/ demand, mean over kinds", "what remains of its demand"
    IS_OPEN = "0 or 1", "it is open: always 1, since other rows are 0"
    VALUE = "/ mean of the targets that have appeared, at most 4, over 2", "value"
    SERVICE_TIME = "/ decision interval, at most 4", "service time"
    IS_IN_SERVICE = "0 or 1", "somebody serves it now"


class ObstacleColumn(FeatureColumn):
    """The columns of a no-fly zone."""

    RADIUS = "/ SR", "radius of the (bounding) circle"
    KEPT_RADIUS = "/ SR", "that radius plus the clearance of ways round it"


class PairBlock(FeatureColumn):
    """The pair columns that exist once per kind of resource; *committed* and *uncovered* exclude the UAV itself."""

    GIVES = "/ unit", "what it can give"
    GIVES_UNCOVERED = "/ unit", "what it can give of what is uncovered"
    GIVES_SHARE = "/ what remains, at most 1", "what it can give"
    UNCOVERED = "/ unit", "what is uncovered"
    UNCOVERED_AFTER_NEARER = "/ unit", "what all nearer free UAVs would leave uncovered"


class PairColumn(FeatureColumn):
    """The single columns of a UAV and its candidate; *committed* and *uncovered* exclude the UAV itself."""

    DISTANCE = "/ SR, at most 8, over 2", "distance"
    BEARING_COS = "cosine", "bearing to the target"
    BEARING_SIN = "sine", "bearing to the target"
    IS_CHOICE = "0 or 1", "it is the UAV's choice"
    RANGE_SHARE = "/ range left, at most 1", "distance"
    COMPLETES_ALONE = "0 or 1", "the UAV carries all that remains"
    COMPLETES_UNCOVERED = "0 or 1", "the UAV carries all that is uncovered"
    SHARE_OF_REMAINING = "/ what remains, at most 1", "what it can give, summed over kinds in units"
    SHARE_OF_UNCOVERED = "/ what is uncovered, at most 1", "what it can give of that, summed over kinds in units"
    NEARER_UNDER_WAY = "/ ideal, at most 2", "other UAVs under way that are nearer"
    OTHERS_UNDER_WAY = "/ ideal, at most 2", "other UAVs under way"
    NEARER_FREE = "/ 4, at most 2", "free UAVs that are nearer"
    BEHIND_NEAREST_FREE = "/ SR, within +-2", "distance less that of the nearest other free UAV"
    COVERABLE_WITH_FREE = "0 or 1", "free UAVs with it can cover what is uncovered"
    FLIGHT_TIME = "/ time left, at most 2", "time to fly there at cruise speed"


FEATURES = FeatureRows(
    uav=FeatureRow(tuple(UavColumn), tuple(UavBlock)),
    target=FeatureRow(tuple(TargetColumn), tuple(TargetBlock)),
    obstacle=FeatureRow(tuple(ObstacleColumn)),
    pair=FeatureRow(tuple(PairColumn), tuple(PairBlock)),
)
