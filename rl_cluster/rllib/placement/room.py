"""The room that a run reserves on a cluster before RLlib makes its actors in it.

RLlib makes env runners first and Learners after them, and Ray puts each wherever it fits at that moment: two small env
runners on two nodes can leave no node with room for a Learner, and RLlib would wait for ever. So placement groups
reserve the places first: one for the Learners, on the nodes that the plan has chosen, and one for the env runners,
which are all alike, so that they fit wherever Ray puts them. Releasing the room ends all actors in it.
"""

from dataclasses import dataclass

import ray
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group

from rl_cluster.rllib.placement.plan import Plan

__all__ = ["Room", "reserve"]

NODE_LABEL = "ray.io/node-id"


@dataclass(frozen=True, slots=True)
class Room:
    """Placement groups of a run; None if it has no actors of that kind."""

    learners: PlacementGroup | None
    runners: PlacementGroup | None

    def release(self) -> None:
        """Releases the room, and ends the actors in it; a second call does nothing."""
        for group in (self.learners, self.runners):
            if group and ray.is_initialized():
                remove_placement_group(group)


def reserve(plan: Plan, limit_s: float) -> Room | None:
    """Has Ray reserve places for all actors of a plan; None if the limit is reached, because another run was faster.

    Args:
        plan: A plan for the nodes of this cluster.
        limit_s: Seconds for each of the two groups.
    """
    learner = {"CPU": plan.cpus_per_learner, "GPU": plan.gpus_per_learner}
    runner = {"CPU": plan.cpus_per_runner, "GPU": plan.gpus_per_runner}
    pins = [{NODE_LABEL: node_id} for node_id in plan.learner_nodes]
    learners = _group(learner, plan.num_learners, pins)
    if learners and not learners.wait(limit_s):
        Room(learners, None).release()
        return None
    room = Room(learners, _group(runner, plan.num_env_runners, None))
    if room.runners and not room.runners.wait(limit_s):
        room.release()
        return None
    return room


def _group(each: dict[str, float], number: int, pins: list[dict[str, str]] | None) -> PlacementGroup | None:
    """Requests places of this size. Actors that need nothing get no place, because Ray refuses empty ones."""
    bundle = {name: amount for name, amount in each.items() if amount}
    if not number or not bundle:
        return None
    return placement_group([bundle] * number, strategy="PACK", bundle_label_selector=pins)
