"""Nodes that are about to go: Ray still runs what is on them until a deadline, and a run leaves them before it.

`ray drain-node` announces it, and so do autoscalers whose machines are preempted.
"""

from collections.abc import Iterable

from ray._private.state import state as cluster_state
from ray.util.placement_group import PlacementGroup, placement_group_table

from rl_cluster.rllib.placement.room import Room

__all__ = ["draining_nodes", "leaving"]


def draining_nodes() -> set[str]:
    """Ids of the nodes that are being drained."""
    return set(cluster_state.get_draining_nodes())


def leaving(room: Room) -> str | None:
    """Why the actors in this room should move; None = they can stay."""
    going = draining_nodes()
    if not going:
        return None
    held = going & {node for group in (room.learners, room.runners) if group for node in _nodes_of(group)}
    if not held:
        return None
    names = ", ".join(sorted(node[:6] for node in held))
    return f"{len(held)} nodes with actors of the run are being drained ({names})"


def _nodes_of(group: PlacementGroup) -> Iterable[str]:
    nodes: dict[int, str] = placement_group_table(group)["bundles_to_node_id"]
    return nodes.values()
