"""An update on a GPU is that of the CPU, in every precision. Where CUDA's memory ends, it goes on in smaller parts."""

import time
from collections.abc import Callable

import pytest
import torch

from tests.gpu.sampled import sample, settings, update

pytestmark = pytest.mark.gpu
CPU = torch.device("cpu")
STATISTICS = ("policy_loss", "value_loss", "entropy", "approx_kl", "grad_norm", "explained_variance")
WIDE = ("model.width=256", "model.num_layers=2", "generator.num_uavs=[24, 24]", "generator.num_targets=[24, 24]")
MIB = 1 << 20


def test_update__is_that_of_the_cpu(accelerator: torch.device) -> None:
    config = settings("ppo.minibatch_rows=8")
    batch = sample(config)

    expected, found = (update(config, batch, device, part_rows=8) for device in (CPU, accelerator))

    for name in STATISTICS:
        assert found.statistics[name] == pytest.approx(expected.statistics[name], rel=1e-3, abs=1e-5), name
    # Adam's first step moves a weight by lr, whichever way a gradient of nearly 0 points.
    lr = config.ppo.lr[0]
    for name, weight in expected.model.state_dict().items():
        torch.testing.assert_close(found.model.state_dict()[name].cpu(), weight, rtol=1e-4, atol=2.5 * lr, msg=name)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_update__in_half_precision_is_nearly_that_of_fp32(
    accelerator: torch.device, precision: str, record_property: Callable[[str, object], None]
) -> None:
    batch = sample(settings())
    expected = update(settings("ppo.minibatch_rows=8"), batch, CPU, part_rows=8).statistics

    begin_s = time.perf_counter()
    found = update(settings("ppo.minibatch_rows=8", f"model.precision={precision}"), batch, accelerator, 8).statistics
    record_property(f"{precision} first update, s", round(time.perf_counter() - begin_s, 3))

    assert found["skipped_updates"] == 0.0
    assert found["policy_loss"] == pytest.approx(expected["policy_loss"], abs=0.02)
    assert found["grad_norm"] == pytest.approx(expected["grad_norm"], rel=0.1)


def test_update__finds_how_many_graphs_fit(
    accelerator: torch.device, record_property: Callable[[str, object], None]
) -> None:
    config = settings("ppo.minibatch_rows=8")

    found = update(config, sample(config), accelerator, part_rows=0, share=0.9)
    record_property("part rows found", found.statistics["part_rows"])

    assert found.statistics["part_rows"] == 8.0


def test_update__that_runs_out_of_cuda_memory_goes_on_in_smaller_parts(
    cuda: torch.device, record_property: Callable[[str, object], None]
) -> None:
    num_rows = 1024
    config = settings(*WIDE, "sampling.worlds_per_runner=64", "sampling.fragment_steps=16", "ppo.minibatch_rows=1024")
    batch = sample(config)
    torch.cuda.reset_peak_memory_stats(cuda)
    expected = update(config, batch, cuda, part_rows=num_rows).statistics
    peak = torch.cuda.max_memory_allocated(cuda)
    torch.cuda.empty_cache()

    share = peak / 2 / torch.cuda.get_device_properties(cuda).total_memory
    found = update(config, batch, cuda, part_rows=num_rows, share=share).statistics
    record_property("peak without a limit, MiB", round(peak / MIB))
    record_property("part rows with half of it", found["part_rows"])

    assert found["part_rows"] < num_rows
    for name in STATISTICS:
        assert found[name] == pytest.approx(expected[name], rel=1e-2, abs=1e-4), name
