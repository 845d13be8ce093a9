"""Where memory ends a minibatch is begun again in smaller parts, on all ranks; fp16 unscales before it clips."""

import os
import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed
from torch import Tensor

from rl_cluster.config.schema import PPOConfig
from rl_cluster.learning.batch import TrainBatch, make_train_batch
from rl_cluster.learning.gradient_step import is_out_of_memory
from rl_cluster.learning.minibatch import GraphSizes, MinibatchPart
from rl_cluster.learning.ranks import find_ranks
from rl_cluster.learning.update import Updater
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.schedulers.learning_rate import schedule
from rl_cluster.types import Fragment, Observation

CPU = torch.device("cpu")
ROOM_MIB = 80
"""Less than 48 of the graphs below take, more than 6 of them."""
ModelFactory = Callable[..., TransformerGNN]


@pytest.fixture
def task(
    make_fragment: Callable[..., Fragment],
    make_model: ModelFactory,
    make_observation: Callable[..., Observation[Tensor]],
    ppo: PPOConfig,
) -> dict[str, Any]:
    """48 graphs, in one minibatch, of a network that takes some MiB for each."""
    model = make_model(width=384)
    observation = make_observation(num_graphs=48, padded=(24, 24, 8))
    batch = make_train_batch([make_fragment(model, observation)], ppo)
    return {"model": model, "batch": batch, "ppo": ppo.model_copy(update={"minibatch_rows": 48, "num_epochs": 1})}


def _leave_room() -> None:
    """From here on the kernel gives this process no more memory than this."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (ROOM_MIB << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _fails(updater: Updater, batch: TrainBatch, rows: int) -> bool:
    """Whether a trial of so many graphs finds no memory: it must not be mended. Keeps no error, which keeps tensors."""
    try:
        updater._try(batch, rows)
    except RuntimeError as error:
        return is_out_of_memory(error)
    return False


def _work(rank: int, num_ranks: int, folder: str) -> None:
    """Two updates; for the second one rank 0 has little memory."""
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=num_ranks)
    task = torch.load(Path(folder, f"task{rank}"), weights_only=False)
    updater = Updater(task["model"], task["ppo"], CPU, part_rows=1, ranks=find_ranks(CPU, timeout_s=30.0))
    updater.update(
        task["batch"], schedule(task["ppo"], 0.0), seed=0, iteration=0
    )  # Adam's state, and what is loaded at first use ...
    with pytest.raises(RuntimeError):
        torch.empty(1 << 60)  # ... and when memory ends
    if rank == 0:
        _leave_room()
        assert _fails(updater, task["batch"], 48)
        assert not _fails(updater, task["batch"], 1)
    updater._step.part_rows = 48
    statistics = updater.update(task["batch"], schedule(task["ppo"], 0.0), seed=0, iteration=1)
    done = {"weights": task["model"].state_dict(), "optimizer": updater.state_dict(), "statistics": statistics}
    torch.save(done, Path(folder, f"done{rank}"))
    torch.distributed.destroy_process_group()


# Where memory ends is a matter of chance: once in a while it is malloc's own, and the process aborts.
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("first_rows", [(48,), (40, 8)])
def test_step__that_runs_out_of_memory_is_begun_again_in_halves(
    task: dict[str, Any], first_rows: tuple[int, ...], make_model: ModelFactory, tmp_path: Path
) -> None:
    num_ranks, batch = len(first_rows), task["batch"]
    for rank, rows in enumerate(torch.arange(48).split(list(first_rows))):
        share: TrainBatch = batch.map(partial(torch.index_select, dim=0, index=rows))
        torch.save({**task, "batch": share}, tmp_path / f"task{rank}")
    with ProcessPoolExecutor(num_ranks, mp_context=get_context("spawn")) as pool:
        list(pool.map(_work, range(num_ranks), (num_ranks,) * num_ranks, (str(tmp_path),) * num_ranks))
    done = [torch.load(tmp_path / f"done{rank}", weights_only=False) for rank in range(num_ranks)]

    updater = Updater(task["model"], task["ppo"], CPU, part_rows=48)
    expected = [updater.update(batch, schedule(task["ppo"], 0.0), seed=0, iteration=number) for number in (0, 1)][1]

    for one in done:
        assert one["statistics"]["part_rows"] in (6.0, 12.0, 24.0)
        assert one["statistics"]["skipped_updates"] == 0.0
        assert one["statistics"]["policy_loss"] == pytest.approx(expected["policy_loss"], abs=1e-5)
        assert one["optimizer"]["part_rows"] == one["statistics"]["part_rows"]  # a resumed run adds up alike
        for name, weight in task["model"].state_dict().items():
            torch.testing.assert_close(one["weights"][name], weight, rtol=0, atol=1e-5, msg=name)
            assert torch.equal(one["weights"][name], done[0]["weights"][name])


def test_is_out_of_memory__of_a_gpu_and_of_nothing_else() -> None:
    """A CPU's own error is met above, in a process of its own: after it malloc works in another arena."""
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_cut__keeps_rows_in_their_order() -> None:
    part = MinibatchPart(np.arange(7), GraphSizes(1, 1, 0, 1))

    assert [piece.rows.tolist() for piece in part.cut(3)] == [[0, 1, 2], [3, 4], [5, 6]]
    assert [piece.rows.tolist() for piece in part.cut(7)] == [part.rows.tolist()]


@pytest.fixture
def sampled(task: dict[str, Any], make_model: ModelFactory, make_fragment: Callable[..., Fragment]) -> TrainBatch:
    """48 rows of which the network of width 32 is the one that acted."""
    batch: TrainBatch = task["batch"]
    return make_train_batch([make_fragment(make_model(width=32), batch.observation)], task["ppo"])


@pytest.mark.slow
def test_fp16__clips_gradients_that_are_no_longer_scaled(
    sampled: TrainBatch, ppo: PPOConfig, make_model: ModelFactory
) -> None:
    """The norm before clipping is that of fp32, not thousands of times it."""
    outcomes = [
        Updater(make_model(width=32, precision=precision), ppo, CPU).update(
            sampled, schedule(ppo, 0.0), seed=0, iteration=0
        )
        for precision in ("fp32", "fp16")
    ]

    assert outcomes[1]["first_ratio_deviation"] < 1e-2
    assert outcomes[1]["grad_norm"] == pytest.approx(outcomes[0]["grad_norm"], rel=0.05)
    assert outcomes[1]["policy_loss"] == pytest.approx(outcomes[0]["policy_loss"], abs=0.01)


@pytest.mark.slow
def test_fp16__goes_on_with_the_scale_that_overflows_have_lowered(
    sampled: TrainBatch, ppo: PPOConfig, make_model: ModelFactory
) -> None:
    whole, resumed = (make_model(width=32, precision="fp16") for _ in range(2))
    updaters = [Updater(model, ppo, CPU) for model in (whole, resumed)]
    updaters[0].update(sampled, schedule(ppo, 0.0), seed=0, iteration=0)
    high = {**updaters[0].state_dict(), "loss_scale": torch.tensor(2.0**40)}
    updaters[0].load_state_dict(high)

    overflown = updaters[0].update(sampled, schedule(ppo, 0.0), seed=0, iteration=1)
    state, weights = updaters[0].state_dict(), {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    resumed.load_state_dict(weights)
    updaters[1].load_state_dict(state)
    for updater in updaters:
        updater.update(sampled, schedule(ppo, 0.0), seed=0, iteration=2)

    assert overflown["skipped_updates"] > 0.0
    assert float(state["loss_scale"]) == 2.0 ** (40 - overflown["skipped_updates"])
    assert all(torch.equal(weight, resumed.state_dict()[name]) for name, weight in whole.state_dict().items())
