"""An update on a GPU is that of the CPU, in every precision. Where CUDA's memory ends, it goes on in smaller parts."""

import time
from collections.abc import Callable

import pytest
import torch

from rl_cluster.errors import ConfigError
from rl_cluster.learning.update import Updater
from rl_cluster.model.compiling import check_compiler, compile_blocks
from rl_cluster.sampling.network import make_model
from rl_cluster.schedulers.learning_rate import schedule
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


def test_update__with_compiled_blocks_is_that_without(
    accelerator: torch.device, record_property: Callable[[str, object], None]
) -> None:
    try:
        check_compiler()
    except ConfigError as error:
        pytest.skip(error.what)
    config = settings("ppo.minibatch_rows=8")
    batch = sample(config)
    expected = update(config, batch, accelerator, part_rows=8)
    model = make_model(settings("ppo.minibatch_rows=8", "model.compile=blocks")).to(accelerator)
    compile_blocks(model)

    begin_s = time.perf_counter()
    updater = Updater(model, config.ppo, accelerator, part_rows=8)
    found = updater.update(batch, schedule(config.ppo, 0.0), config.seed, 0)
    record_property("first update with compiled blocks, s", round(time.perf_counter() - begin_s, 1))

    assert list(model.state_dict()) == list(expected.model.state_dict())
    for name in STATISTICS:
        assert found[name] == pytest.approx(expected.statistics[name], rel=1e-3, abs=1e-5), name


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


def test_cache__is_emptied_above_the_share(cuda: torch.device) -> None:
    config = settings("ppo.minibatch_rows=8")
    batch = sample(config)

    for share, num_emptied in ((1.0, 0), (1e-6, 1)):
        model = make_model(config).to(cuda)
        updater = Updater(model, config.ppo, cuda, part_rows=8, empty_cache_share=share)
        updater.update(batch, schedule(config.ppo, 0.0), config.seed, 0)
        assert updater.num_emptied == num_emptied
