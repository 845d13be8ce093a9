"""Rows of several fragments stand in order, share memory where they can, and carry advantages."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.gae import gae
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Fragment, Observation, map_observation

FragmentFactory = Callable[..., Fragment]


@pytest.fixture(scope="module")
def fragments(
    make_fragment: FragmentFactory,
    make_model: Callable[..., TransformerGNN],
    make_observation: Callable[..., Observation[Tensor]],
) -> list[Fragment]:
    """T = 3 steps of 4 worlds, and 3 steps of 2 worlds."""
    model = make_model()
    return [make_fragment(model, make_observation(num_graphs=3 * worlds, seed=worlds), 3, worlds) for worlds in (4, 2)]


def test_rows__stand_in_order_of_fragment_world_and_step(fragments: list[Fragment], ppo: PPOConfig) -> None:
    batch = make_train_batch(fragments, ppo)

    assert batch.num_rows == 18
    first, second = fragments
    np.testing.assert_array_equal(batch.action[3 * 3 + 2], first.action[2, 3])
    np.testing.assert_array_equal(batch.observation.pair[12 + 3 * 1 + 1], second.observation.pair[1, 1])
    np.testing.assert_array_equal(batch.logp_KN[12], second.logp[0, 0])


def test_controls__keep_their_axis(
    make_fragment: FragmentFactory,
    make_model: Callable[..., TransformerGNN],
    make_observation: Callable[..., Observation[Tensor]],
    ppo: PPOConfig,
) -> None:
    fragment = make_fragment(make_model(task="navigate"), make_observation(num_graphs=12, task="navigate"), 3)

    batch = make_train_batch([fragment], ppo)

    assert batch.action.shape == (12, 5, 2)
    assert batch.exists_KN.shape == batch.logp_KN.shape == (12, 5)
    assert fragment.num_agent_steps == int(batch.exists_KN.sum())
    np.testing.assert_array_equal(batch.action[3 * 3 + 2], fragment.action[2, 3])


def test_advantages__are_gae_of_each_fragment(fragments: list[Fragment], ppo: PPOConfig) -> None:
    batch = make_train_batch(fragments, ppo)

    estimates = [gae(f.reward, f.value, f.next_value, f.ended, ppo.gamma, ppo.gae_lambda) for f in fragments]
    advantage, target = (
        np.concatenate([x.swapaxes(0, 1).reshape(-1, 5) for x in column]) for column in zip(*estimates, strict=True)
    )
    np.testing.assert_array_equal(batch.advantage_KN, advantage)
    np.testing.assert_array_equal(batch.value_target_KN, target)


def test_read_only_arrays__are_copied(fragments: list[Fragment], ppo: PPOConfig) -> None:
    def freeze(array: np.ndarray) -> np.ndarray:
        frozen = array.copy()
        frozen.setflags(write=False)
        return frozen

    frozen = replace(fragments[0], observation=map_observation(freeze, fragments[0].observation))

    batch = make_train_batch([frozen], ppo)

    assert not np.shares_memory(batch.observation.pair.numpy(), frozen.observation.pair)
    np.testing.assert_array_equal(batch.observation.pair, make_train_batch(fragments[:1], ppo).observation.pair)


def test_worlds__that_are_shared_out_have_the_rows_of_all(fragments: list[Fragment], ppo: PPOConfig) -> None:
    """Advantages too: they never look from one world into another."""
    whole = make_train_batch(fragments, ppo)
    first, second = fragments

    parts = [[first.of_worlds(0, 3)], [first.of_worlds(3, 4), second]]

    batches = [make_train_batch(part, ppo) for part in parts]
    assert [batch.num_rows for batch in batches] == [9, 9]
    for name in ("action", "logp_KN", "advantage_KN", "value_target_KN"):
        joined = torch.cat([getattr(batch, name) for batch in batches])
        assert torch.equal(joined, getattr(whole, name)), name


def test_no_fragments__are_refused(ppo: PPOConfig) -> None:
    with pytest.raises(ValueError, match="at least one fragment"):
        make_train_batch([], ppo)


def test_experts__stand_with_their_rows_and_count_where_they_were_legal(
    fragments: list[Fragment], ppo: PPOConfig
) -> None:
    searched, other = fragments
    expert = np.full(searched.logp.shape, -1, dtype=np.int16)
    expert[:, 0] = searched.observation.action_mask[:, 0].argmax(axis=-1)  # a legal action of every UAV of world 0
    expert[0, 0, 0] = searched.observation.action_mask[0, 0, 0].argmin()  # an illegal one

    batch = make_train_batch([replace(searched, expert=expert), other], ppo)

    assert batch.expert_KN is not None
    np.testing.assert_array_equal(batch.expert_KN[:3], expert[:, 0])
    assert (batch.expert_KN[3:] == -1).all()
    is_legal = searched.observation.action_mask[0, 0, 0].all()
    expected = searched.observation.decides[:, 0].copy()
    expected[0, 0] &= is_legal
    np.testing.assert_array_equal(batch.imitates_KN[:3], expected)
    assert batch.imitates_KN[:3].any()
    assert not batch.imitates_KN[3:].any()
    picked = batch.map(lambda tensor: tensor[1:2])
    assert picked.expert_KN is not None
    np.testing.assert_array_equal(picked.expert_KN[0], expert[1, 0])


def test_experts__are_omitted_where_nothing_was_searched(fragments: list[Fragment], ppo: PPOConfig) -> None:
    batch = make_train_batch(fragments, ppo)

    assert batch.expert_KN is None
    assert not batch.imitates_KN.any()
