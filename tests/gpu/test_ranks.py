"""A Learner that exchanges its gradients by NCCL, with itself alone, learns as one that exchanges none."""

from pathlib import Path

import pytest
import torch
import torch.distributed

from rl_cluster.learning.ranks import ProcessGroup
from rl_cluster.learning.update import Updater
from rl_cluster.sampling.network import make_model
from rl_cluster.schedulers.learning_rate import schedule
from tests.gpu.sampled import sample, settings, update

pytestmark = pytest.mark.gpu


def test_group__of_one_rank_learns_as_a_learner_alone(
    accelerator: torch.device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    backend = "nccl" if accelerator.type == "cuda" else "gloo"
    config = settings("ppo.minibatch_rows=8")
    batch = sample(config)
    alone = update(config, batch, accelerator, part_rows=8)
    torch.distributed.init_process_group(backend, init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        model = make_model(config).to(accelerator)
        updater = Updater(model, config.ppo, accelerator, 8, ranks=ProcessGroup(accelerator, timeout_s=60.0))
        statistics = updater.update(batch, schedule(config.ppo, 0.0), config.seed, 0)
    finally:
        torch.distributed.destroy_process_group()

    assert updater.probe_bytes_per_s > 0.0
    assert sum(exchange.num_bytes for exchange in updater.exchanges) > 0
    assert all(exchange.seconds >= 0.0 for exchange in updater.exchanges)
    assert statistics["grad_norm"] == pytest.approx(alone.statistics["grad_norm"], rel=1e-5)
    for name, weight in alone.model.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], weight, rtol=0.0, atol=1e-6, msg=name)
