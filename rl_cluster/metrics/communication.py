"""What Learners exchange, how fast, and how much of their time that takes.

algbw = bytes / seconds; busbw = algbw 2 (n - 1) / n of an all-reduce over n ranks, which is comparable to a link's rate
for any n (the formulas of NVIDIA's nccl-tests). The reference is not a data sheet but a probe: an all-reduce of the
gradient's size with nothing else going on. Gradients are exchanged in one piece after the backward pass, so no part of
an exchange is hidden behind computation: all of it is exposed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rl_cluster.metrics import names
from rl_cluster.metrics.names import EXPOSED_SHARE

__all__ = ["Traffic", "bus_bandwidth", "traffic_metrics", "traffic_of"]


class Traffic(NamedTuple):
    """One Learner's exchanges in an update."""

    num_bytes: float
    num_exchanges: float
    seconds: float
    """including the wait for the others"""
    update_s: float
    """seconds of the whole update"""
    gradient_bytes: float
    """bytes of the largest exchange"""
    gradient_s: float
    """seconds of the quickest exchange of that size, which waited least for the others"""
    probe_bytes_per_s: float
    """algbw of the probe; 0 = there was none"""


def traffic_of(exchanges: Sequence[tuple[float, float]], update_s: float, probe_bytes_per_s: float) -> Traffic:
    """The traffic of one Learner's exchanges in an update, each (bytes, seconds)."""
    largest = max((size for size, _ in exchanges), default=0.0)
    return Traffic(
        num_bytes=sum(size for size, _ in exchanges),
        num_exchanges=len(exchanges),
        seconds=sum(seconds for _, seconds in exchanges),
        update_s=update_s,
        gradient_bytes=largest,
        gradient_s=min((seconds for size, seconds in exchanges if size == largest), default=0.0),
        probe_bytes_per_s=probe_bytes_per_s,
    )


def bus_bandwidth(num_bytes: float, seconds: float, num_ranks: int) -> float:
    """busbw of an all-reduce, bytes per second."""
    return num_bytes / seconds * 2.0 * (num_ranks - 1) / num_ranks


def traffic_metrics(traffic: Sequence[Traffic]) -> dict[str, float]:
    """Key -> value over all Learners; empty for fewer than two.

    Rates are those of the quickest exchange of gradients: the other exchanges include waits for slow Learners. The
    exposed share is that of the Learner that waited most.
    """
    if len(traffic) < 2:
        return {}
    first, gradient_s = traffic[0], max(min(one.gradient_s for one in traffic), 1e-9)
    busbw = bus_bandwidth(first.gradient_bytes, gradient_s, len(traffic))
    probe = bus_bandwidth(first.probe_bytes_per_s, 1.0, len(traffic))
    return {
        EXPOSED_SHARE: max(one.seconds / max(one.update_s, 1e-9) for one in traffic),
        names.COMMUNICATION_EXCHANGED_BYTES: first.num_bytes,
        names.COMMUNICATION_EXCHANGES: first.num_exchanges,
        names.COMMUNICATION_ALGORITHM_BYTES_PER_S: first.gradient_bytes / gradient_s,
        names.COMMUNICATION_BUS_BYTES_PER_S: busbw,
        names.COMMUNICATION_PROBE_BUS_BYTES_PER_S: probe,
        names.COMMUNICATION_BUS_RATIO: busbw / probe,
    }
