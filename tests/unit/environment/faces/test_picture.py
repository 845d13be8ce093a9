"""Pictures show what the world holds, and a window is refused where there is no screen."""

from typing import Any

import gymnasium
import matplotlib as mpl
import numpy as np
import pytest

from rl_cluster.config.load import load_config
from rl_cluster.environment.faces.face import Setup
from rl_cluster.environment.faces.gymnasium_face import SwarmEnv
from rl_cluster.environment.faces.picture import Picture
from rl_cluster.errors import CallError

IDS = {"allocate": "rl_cluster/Allocate-v0", "navigate": "rl_cluster/Navigate-v0"}


@pytest.mark.parametrize("task", IDS)
def test_rgb_array__is_a_picture_that_changes_as_the_uavs_move(task: str) -> None:
    env = gymnasium.make(IDS[task], render_mode="rgb_array")
    env.reset(seed=0)
    first: Any = env.render()
    mask = env.unwrapped.action_masks()  # type: ignore[attr-defined]  # of our environment
    action = mask.reshape(env.action_space.shape[0], -1)[:, ::-1] if mask.size else None  # type: ignore[index]  # it has one
    chosen = env.action_space.sample() if action is None else action.shape[1] - 1 - action.argmax(axis=1)
    env.step(chosen)
    second: Any = env.render()

    assert first.shape == second.shape == (600, 600, 3)
    assert first.dtype == np.uint8
    assert (first != second).any(axis=2).mean() > 0.001
    env.close()  # type: ignore[no-untyped-call]  # gymnasium has not annotated it


def test_rgb_array__draws_zones_targets_uavs_and_paths_in_their_colours() -> None:
    env = SwarmEnv(Setup(load_config("quick_demo", ["generator.num_obstacles=[2, 2]"]), render_mode="rgb_array"))
    _, info = env.reset(seed=0)
    env.step(np.array([mask.nonzero()[0][-1] for mask in info["action_mask"]]))

    pixels = env.render()

    assert pixels is not None
    seen = {tuple(map(int, pixel)) for pixel in pixels.reshape(-1, 3)}
    assert {(0xBB, 0xBB, 0xBB), (0xD5, 0x5E, 0x00), (0x00, 0x72, 0xB2)} <= seen


def test_render__without_a_mode_or_an_episode() -> None:
    config = load_config("quick_demo")
    assert SwarmEnv(Setup(config)).render() is None
    with pytest.raises(CallError, match="render: no episode has begun; call reset first"):
        SwarmEnv(Setup(config, render_mode="rgb_array")).render()


def test_human__is_refused_where_there_is_no_screen() -> None:
    with mpl.rc_context():
        mpl.use("agg")
        with pytest.raises(
            CallError, match=r"needs a screen, and Matplotlib has none \(backend agg\); take render_mode"
        ):
            Picture(is_window=True)


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive:UserWarning")
def test_human__shows_every_step_and_returns_no_picture() -> None:
    former = mpl.get_backend()
    mpl.use("module://matplotlib.backends.backend_agg")  # a window that nobody sees
    try:
        env = gymnasium.make(IDS["allocate"], render_mode="human")
        env.reset(seed=0)
        env.step(np.zeros(env.action_space.shape, int))
        assert env.render() is None
        env.close()  # type: ignore[no-untyped-call]  # gymnasium has not annotated it
    finally:
        mpl.use(former)
