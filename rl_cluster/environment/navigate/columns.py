"""The columns of the feature rows of task `navigate`; the kernels of `features.py` write them.

SR is the sensing radius. The *gap* to a body is the way to it that is left before the two touch; the *nearness* of two
is band / (band + gap), where band is the width of the warning band, and 1 in touch. Directions are in the UAV's body
frame (x ahead, y left). Of a zone, what counts is the nearest point of its edge.
"""

from rl_cluster.environment.shared.columns import FeatureColumn, FeatureRow, FeatureRows

__all__ = ["FEATURES", "EncounterColumn", "UavColumn", "ZoneColumn"]


class UavColumn(FeatureColumn):
    """The single columns of a UAV."""

    GOAL_COS = "cosine", "bearing to its goal"
    GOAL_SIN = "sine", "bearing to its goal"
    GOAL_DISTANCE = "/ SR, at most 4", "distance d to its goal"
    GOAL_NEARNESS = "a / (a + d)", "nearness of its goal; a is the arrival radius"
    SPEED_AHEAD = "/ highest speed", "velocity ahead"
    SPEED_LEFT = "/ highest speed", "velocity to the left"
    TIME_LEFT = "/ time limit", "time left"
    TIME_LEFT_WAY = "/ SR, at most 16, over 8", "way that the time left allows at the highest speed"
    IS_CONTROLLED = "0 or 1", "it is under control: it has not arrived"
    ARRIVED_SHARE = "/ UAVs", "UAVs that have arrived"
    IS_TOUCHING = "0 or 1", "it touches something"
    BRAKING_DISTANCE = "/ SR, at most 4", "braking distance v^2 / (2 a_max)"
    TURN_RADIUS = "/ SR, at most 4", "turn radius v / w_max"
    IS_LEADER = "0 or 1", "it leads; 0 without a formation"
    LEADER_COS = "cosine", "bearing to the leader; 0 without a formation"
    LEADER_SIN = "sine", "bearing to the leader; 0 without a formation"
    LEADER_DISTANCE = "/ SR, at most 4", "distance to the leader; 0 without a formation"
    IS_IN_FORMATION = "0 or 1", "it is within the formation radius of the leader; 0 without a formation"


class ZoneColumn(FeatureColumn):
    """The columns of a no-fly zone."""

    RADIUS = "/ SR", "radius of the (bounding) circle"
    IS_POLYGON = "0 or 1", "it is a polygon"


class EncounterColumn(FeatureColumn):
    """The columns of a UAV and a nearby body, which is another UAV or a zone."""

    BEARING_COS = "cosine", "bearing to the body"
    BEARING_SIN = "sine", "bearing to the body"
    GAP = "/ SR, within +-4", "gap"
    NEARNESS = "band / (band + gap)", "nearness"
    SPEED_AHEAD = "/ highest speed", "relative velocity ahead"
    SPEED_LEFT = "/ highest speed", "relative velocity to the left"
    CLOSING_SPEED = "/ highest speed", "speed at which the two come nearer"
    CLOSEST_TIME = "/ (2 SR / highest speed), at most 1", "time to the closest approach"
    CLOSEST_NEARNESS = "band / (band + gap then)", "nearness at the closest approach"
    IS_ZONE = "0 or 1", "it is a zone"
    ZONE_RADIUS = "/ SR", "radius of the zone's (bounding) circle; 0 of UAVs"
    HAS_ARRIVED = "0 or 1", "it is a UAV that has arrived"


FEATURES = FeatureRows(
    uav=FeatureRow(tuple(UavColumn)),
    target=FeatureRow(),
    obstacle=FeatureRow(tuple(ZoneColumn)),
    pair=FeatureRow(tuple(EncounterColumn)),
)
