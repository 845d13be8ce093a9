"""Measures how fast this machine does the work of training, for comparison with a healthy machine.

Each probe runs in its own process, which is ended when its time is up, so a driver that hangs blocks nothing else.
"""

import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from multiprocessing import get_context

import torch
import torch.distributed

from rl_cluster.config.load import load_config
from rl_cluster.operations.finding import Finding, failed, passed
from rl_cluster.sampling.network import make_model
from rl_cluster.sampling.rollout import make_rollout

__all__ = ["probe_performance"]

TIMEOUT_S = 60.0
"""Seconds for a probe, including the start of its process and its first calls."""
MEASURE_S = 1.0
MATRIX, COPY_BYTES, REDUCE_BYTES = 2048, 1 << 28, 1 << 24
WARM_UP, ROUNDS = 2, 10


def probe_performance() -> list[Finding]:
    """Probes matrix products, copies to the GPU if there is one, all-reduce and worlds; one finding each."""
    probes: list[tuple[str, Callable[..., str], int]] = [
        ("matrix product", _matrix_product, 1),
        ("all-reduce", _all_reduce, max(2, torch.cuda.device_count())),
        ("env steps", _env_steps, 1),
    ]
    if torch.cuda.is_available():
        probes.insert(1, ("copy to the GPU", _copy_to_gpu, 1))
    return [_probe(name, probe, num_processes) for name, probe, num_processes in probes]


def _probe(name: str, probe: Callable[..., str], num_processes: int) -> Finding:
    """The measurement of the probe's first process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pool = ProcessPoolExecutor(num_processes, mp_context=get_context("spawn"))
    try:
        answers = [pool.submit(probe, rank, num_processes, port) for rank in range(num_processes)]
        return passed(name, answers[0].result(TIMEOUT_S))
    except TimeoutError:
        return failed(name, f"it has not ended within {TIMEOUT_S:g} s", "see what hangs: driver, link or load")
    except (BrokenProcessPool, RuntimeError, OSError) as error:
        return failed(name, str(error).partition("\n")[0][:200], "see the driver's log")
    finally:
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 - the pool itself would wait for them
            process.kill()
        pool.shutdown(wait=False, cancel_futures=True)


def _matrix_product(_rank: int, _size: int, _port: int) -> str:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    left = torch.randn(MATRIX, MATRIX, device=device, dtype=dtype)
    seconds = _best_s(lambda: left @ left, device)
    return f"{2 * MATRIX**3 / seconds / 1e12:.3g} TFLOP/s on {device.type}, {str(dtype).removeprefix('torch.')}"


def _copy_to_gpu(_rank: int, _size: int, _port: int) -> str:
    device = torch.device("cuda")
    host = torch.empty(COPY_BYTES, dtype=torch.uint8, pin_memory=True)
    there = torch.empty(COPY_BYTES, dtype=torch.uint8, device=device)
    to_s = _best_s(lambda: there.copy_(host, non_blocking=True), device)
    back_s = _best_s(lambda: host.copy_(there, non_blocking=True), device)
    return f"{COPY_BYTES / to_s / 1e9:.3g} GB/s there, {COPY_BYTES / back_s / 1e9:.3g} GB/s back"


def _all_reduce(rank: int, size: int, port: int) -> str:
    """busbw of nccl-tests: bytes / seconds 2 (n - 1) / n."""
    has_gpus = torch.cuda.device_count() >= size
    device = torch.device("cuda", rank) if has_gpus else torch.device("cpu")
    if not has_gpus:
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    backend = "nccl" if has_gpus else "gloo"
    torch.distributed.init_process_group(
        backend, f"tcp://127.0.0.1:{port}", timedelta(seconds=TIMEOUT_S / 2), world_size=size, rank=rank
    )
    tensor = torch.zeros(REDUCE_BYTES // 4, device=device)
    seconds = _best_s(lambda: torch.distributed.all_reduce(tensor), device)
    torch.distributed.destroy_process_group()
    return f"{REDUCE_BYTES / seconds * 2 * (size - 1) / size / 1e9:.3g} GB/s bus bandwidth, {size} x {backend}"


def _env_steps(_rank: int, _size: int, _port: int) -> str:
    config = load_config("quick_demo", ["engine=local"])
    rollout = make_rollout(config, 0, make_model(config))
    rollout.sample(2)
    begin_s, num_rows = time.perf_counter(), 0
    while time.perf_counter() - begin_s < MEASURE_S:
        num_rows += rollout.sample(2).num_rows
    return f"{num_rows / (time.perf_counter() - begin_s):,.0f} env steps/s on a core, with a policy acting (quick_demo)"


def _best_s(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the quickest of a few rounds."""
    seconds = []
    for _ in range(WARM_UP + ROUNDS):
        begin_s = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - begin_s)
    return min(seconds[WARM_UP:])
