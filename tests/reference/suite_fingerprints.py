"""Numbers by which the episodes of a suite's version are known again, on any machine.

python -m tests.reference.suite_fingerprints    # adds the versions that tests/stored/suites.json does not have
"""

import json
from pathlib import Path

import numpy as np

from rl_cluster.environment.tasks import make_worlds
from rl_cluster.evaluation.suite import EVERY_SUITE, Suite, find_suites
from rl_cluster.evaluation.suite_episodes import suite_source

__all__ = ["fingerprints"]

FILE = Path(__file__).parents[1] / "stored" / "suites.json"
NUM_EPISODES = 12
FIELDS = (
    *("uav_position_m", "uav_resources", "uav_cruise_mps", "uav_range_left_m", "target_position_m", "target_demand"),
    *("target_value", "target_service_s", "target_appears_s", "obstacle_radius_m", "time_limit_s", "uav_depot"),
)


WORLD = (
    *("decision_interval_s", "substep_s", "capture_radius_m", "max_turn_rate_radps", "obstacle_clearance_m"),
    *("coalition", "resource_kind", "replan"),
)
"""What else an episode goes by."""
CODES = {"sum": 0.0, "sync": 1.0, "consumed": 0.0, "capability": 1.0}


def _fingerprint(suite: Suite) -> list[float]:
    """The sums of fields over the first episodes, the number of UAVs that fail, and the rules of the world."""
    config = suite.config()
    worlds = make_worlds(config, suite_source(suite, config, NUM_EPISODES), NUM_EPISODES)
    worlds.reset()
    state = worlds.state_dict()
    sums = [float(state[name].astype("f8").sum()) for name in FIELDS]
    rules = [float(CODES.get(rule, rule)) for rule in (getattr(config.world, name) for name in WORLD)]
    return [*(round(total, 3) for total in sums), float(np.isfinite(state["uav_fails_s"].astype("f8")).sum()), *rules]


def fingerprints() -> dict[str, list[float]]:
    """Title of each suite -> its numbers."""
    return {suite.title: _fingerprint(suite) for suite in find_suites([EVERY_SUITE])}


if __name__ == "__main__":
    stored = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    lines = [
        f"{json.dumps(title)}: {json.dumps(numbers)}" for title, numbers in sorted((fingerprints() | stored).items())
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
