"""Two Learners are one: whatever the shares of the rows, every weight and every figure is that of one Learner."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.learning.batch import TrainBatch, make_train_batch
from rl_cluster.learning.ranks import Alone, Ranks, Shard, find_ranks, masked_moments
from rl_cluster.learning.update import Updater
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.types import Fragment, Observation

CPU = torch.device("cpu")
UPDATES = 2


def _shares(batch: TrainBatch, first_rows: int) -> list[TrainBatch]:
    rows = torch.arange(batch.num_rows)
    parts = (rows[:first_rows], rows[first_rows:])
    return [batch.map(partial(torch.index_select, dim=0, index=part)) for part in parts]


def _update(model: TransformerGNN, batch: TrainBatch, ppo: PPOConfig, ranks: Ranks | None = None) -> dict[str, Any]:
    updater = Updater(model, ppo, CPU, part_rows=5, ranks=ranks)
    statistics = [
        updater.update(batch, schedule(ppo, 0.0), seed=0, iteration=iteration) for iteration in range(UPDATES)
    ]
    return {
        "weights": model.state_dict(),
        "optimizer": updater.state_dict(),
        "statistics": statistics,
        "exchanges": [tuple(exchange) for exchange in updater.exchanges],
        "probe_bytes_per_s": updater.probe_bytes_per_s,
    }


def _work_as_rank(rank: int, folder: str) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2, timeout=timedelta(seconds=30)
    )
    task = torch.load(Path(folder, f"task{rank}"), weights_only=False)
    ranks = find_ranks(CPU, timeout_s=30.0)
    done = _update(task["model"], task["batch"], task["ppo"], ranks)
    x, mask = task["numbers"]
    done["moments"] = masked_moments(x, mask, ranks)
    done["shard"] = ranks.shard(task["batch"].num_rows)
    done["found"] = Updater(task["model"], task["ppo"], CPU, ranks=ranks)._find_part_rows(task["batch"])
    torch.save(done, Path(folder, f"done{rank}"))
    torch.distributed.destroy_process_group()


def _work_together(folder: Path, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for rank, task in enumerate(tasks):
        torch.save(task, folder / f"task{rank}")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_work_as_rank, (0, 1), (str(folder),) * 2))
    return [torch.load(folder / f"done{rank}", weights_only=False) for rank in (0, 1)]


def _assert_exchanged(alone: dict[str, Any], first: dict[str, Any], second: dict[str, Any]) -> None:
    """A gradient, in float32, and some sums beside it at every step; the same number on both ranks."""
    gradient_bytes = 4 * sum(tensor.numel() for name, tensor in alone["weights"].items() if "value_stat" not in name)
    sizes = [size for size, _ in first["exchanges"]]
    assert sizes == [size for size, _ in second["exchanges"]]
    assert gradient_bytes < max(sizes) < gradient_bytes + 100
    assert all(seconds > 0.0 for _, seconds in first["exchanges"])
    assert first["probe_bytes_per_s"] > 0.0
    assert (alone["exchanges"], alone["probe_bytes_per_s"]) == ([], 0.0)


@pytest.fixture
def batch(
    make_fragment: Callable[..., Fragment],
    make_model: Callable[..., TransformerGNN],
    make_observation: Callable[..., Observation[Tensor]],
    ppo: PPOConfig,
) -> TrainBatch:
    """48 rows; other UAVs exist and decide in every one of them."""
    return make_train_batch([make_fragment(make_model(), make_observation(num_graphs=48), 4)], ppo)


@pytest.mark.slow
@pytest.mark.parametrize("first_rows", [17, 47])
def test_two_learners__are_one(
    batch: TrainBatch, make_model: Callable[..., TransformerGNN], ppo: PPOConfig, tmp_path: Path, first_rows: int
) -> None:
    """With 47 of 48 rows on one rank, the other has none in most minibatches."""
    shares = _shares(batch, first_rows)
    x, mask = torch.randn(100), torch.rand(100) < 0.5
    numbers = [(x[:30], mask[:30]), (x[30:], mask[30:])]
    expected = _update(make_model(), batch, ppo)

    first, second = _work_together(
        tmp_path,
        [
            {"model": make_model(), "batch": share, "ppo": ppo, "numbers": own}
            for share, own in zip(shares, numbers, strict=True)
        ],
    )

    for group in ("weights", "optimizer"):
        for name, tensor in expected[group].items():
            torch.testing.assert_close(first[group][name], tensor, rtol=0, atol=1e-5, msg=name)
            assert torch.equal(first[group][name], second[group][name]), name
    _assert_exchanged(expected, first, second)
    assert first["statistics"] == second["statistics"]
    for own, alone in zip(first["statistics"], expected["statistics"], strict=True):
        assert own == pytest.approx(alone, abs=1e-4)
    assert (first["shard"], second["shard"]) == (Shard(0, first_rows, 48), Shard(first_rows, 48 - first_rows, 48))
    alone = masked_moments(x, mask, Alone())
    for mine, theirs in zip(first["moments"], alone, strict=True):
        assert float(mine) == pytest.approx(float(theirs), abs=1e-12)
    assert first["found"] == second["found"] >= 1


def test_masked_moments__by_hand() -> None:
    x, mask = torch.tensor([1.0, 3.0, 99.0]), torch.tensor([True, True, False])

    count, mean, variance = masked_moments(x, mask, Alone())

    assert (float(count), float(mean), float(variance)) == (2.0, 2.0, 1.0)


def test_masked_moments__of_nothing_are_zero() -> None:
    moments = masked_moments(torch.ones(3), torch.zeros(3, dtype=torch.bool), Alone())

    assert [float(part) for part in moments] == [0.0, 0.0, 0.0]


def test_masked_moments__do_not_cancel() -> None:
    x = 1e6 + torch.tensor([-1.0, 1.0] * 50)

    assert float(masked_moments(x, torch.ones(100, dtype=torch.bool), Alone()).variance) == pytest.approx(1.0)


def test_alone__has_all_rows_and_sums_nothing() -> None:
    ranks: Ranks = find_ranks(CPU, timeout_s=1.0)
    x = torch.arange(3.0)

    assert ranks.shard(7) == Shard(0, 7, 7)
    assert torch.equal(ranks.sum(x.clone()), x)
    assert torch.equal(ranks.largest(x.clone()), x)
