"""The search for what fits: it ends at the largest that does, and never dares what its trials foretell will not."""

from collections.abc import Callable

import pytest
import torch
import torch.distributed
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.errors import ConfigError
from rl_cluster.learning.batch import make_train_batch
from rl_cluster.learning.batch_size import find_batch_size, first_guess, full_rows
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Fragment, Observation

BUDGET_BYTES = 1_000_000
ROOM_BYTES = 900_000


@pytest.mark.parametrize(("entities", "rows"), [(1, 128), (8, 128), (9, 64), (16, 64), (17, 32), (24, 32), (25, 16)])
def test_first_guess__by_the_table(entities: int, rows: int) -> None:
    assert first_guess(entities) == rows


@given(
    fixed=st.integers(0, 400_000),
    each=st.integers(1, 500_000),
    first=st.integers(1, 512),
    most=st.integers(1, 5000),
)
def test_find_batch_size__is_the_largest_that_fits_to_a_sixteenth(fixed: int, each: int, first: int, most: int) -> None:
    tried = []

    def need_bytes(rows: int) -> int:
        tried.append(rows)
        return fixed + each * rows

    found = find_batch_size(need_bytes, BUDGET_BYTES, first, most)

    assert 1 <= found <= most
    assert fixed + each * found <= ROOM_BYTES
    beyond = found + found // 16 + 1
    # after one graph alone, two are dared only where twice its need is left
    assert beyond > most or fixed + each * beyond > ROOM_BYTES or found == 1
    assert all(fixed + each * rows <= ROOM_BYTES for rows in tried)
    assert len(tried) <= 16


def test_find_batch_size__takes_an_error_of_the_allocator_for_an_answer() -> None:
    def need_bytes(rows: int) -> int:
        if rows > 37:
            raise torch.OutOfMemoryError
        return 1

    assert 35 <= find_batch_size(need_bytes, BUDGET_BYTES, 32, 4096) <= 37


def test_find_batch_size__refuses_what_fits_nowhere() -> None:
    with pytest.raises(
        ConfigError, match=r"one graph takes 2\.00 GiB, but 1\.00 may be taken; set model\.gradient_chec"
    ):
        find_batch_size(lambda rows: rows << 31, 1 << 30, 64, 512)


@pytest.mark.parametrize("task", ["allocate", "navigate"])
@pytest.mark.parametrize("attention", ["dense", "sparse"])
def test_full_rows__are_graphs_that_the_network_takes(
    make_fragment: Callable[..., Fragment],
    make_model: Callable[..., TransformerGNN],
    make_observation: Callable[..., Observation[Tensor]],
    ppo: PPOConfig,
    task: str,
    attention: str,
) -> None:
    model = make_model(task=task, attention=attention)
    batch = make_train_batch([make_fragment(model, make_observation(num_graphs=8, task=task))], ppo)

    full = full_rows(batch, 5)

    assert full.num_rows == 5
    assert full.observation.mask.all()
    assert full.observation.decides.all()
    assert full.observation.action_mask.all()
    assert (full.observation.neighbours >= 0).all()
    policy, value_BN = model(full.observation)
    assert torch.isfinite(policy.log_prob(full.action)).all()
    assert torch.isfinite(value_BN).all()
