"""Draws README's picture: the pretrained policy in the middle of a shipped scenario.

    python -m benchmarks.documents.scene    # writes docs/results/scene.png

The worlds step in short intervals, so that paths bend as they were flown. UAVs keep their targets between decisions.
"""

import numpy as np
from matplotlib import image
from numpy.typing import NDArray

import rl_cluster
from benchmarks.documents.markdown import RESULTS
from rl_cluster.environment.faces.picture import Picture
from rl_cluster.environment.scenario.scenario_file import SHIPPED_SCENARIOS

__all__ = ["scene"]

SCENARIO, SHOWN_S, INTERVAL_S = "complex", 60.0, 2.0
RULES = {
    "world.decision_interval_s": INTERVAL_S,
    "world.replan": False,
    "world.intent_rounds": 1,
    "world.training_intent_rounds": 1,
}
MARGIN_PIXELS = 8


def scene() -> NDArray[np.uint8]:
    """(rows, columns, 3) red, green, blue: the world at `SHOWN_S`, without the white around it."""
    policy, picture = rl_cluster.load_policy("pretrained"), Picture(is_window=False)
    scenario = rl_cluster.load_scenario(SHIPPED_SCENARIOS[SCENARIO])
    worlds = rl_cluster.make_worlds(rl_cluster.load_config("pretrained", RULES), scenario=scenario)
    worlds.reset()
    picture.begin(worlds)
    while worlds.state.time_s[0] < SHOWN_S:
        worlds.advance(policy.act(worlds))
        picture.note(worlds)
        worlds.observe()
    return _trimmed(picture.pixels(worlds))


def _trimmed(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = np.nonzero((pixels < 255).any(axis=2))
    top, left = max(rows.min() - MARGIN_PIXELS, 0), max(columns.min() - MARGIN_PIXELS, 0)
    return pixels[top : rows.max() + MARGIN_PIXELS, left : columns.max() + MARGIN_PIXELS]


if __name__ == "__main__":
    image.imsave(RESULTS / "scene.png", scene())
