"""What Learners exchange, how fast, and how much of their time it takes.

algbw = bytes / seconds; busbw = algbw 2 (n - 1) / n of an all-reduce over n ranks, which is comparable to a link's rate
for any n (the formulas of NVIDIA's nccl-tests). The reference is not a data sheet but a probe: an all-reduce of the
gradient's size, with nothing beside it. Gradients are exchanged in one piece after the backward pass, so nothing of an
exchange is hidden behind computation: all of it is exposed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rl_cluster.metrics import names
from rl_cluster.metrics.names import EXPOSED_SHARE

__all__ = ["Traffic", "bus_bandwidth", "traffic_metrics", "traffic_of"]


class Traffic(NamedTuple):
    """What one Learner exchanged in an update."""

    num_bytes: float
    num_exchanges: float
    seconds: float
    """waiting for the others included"""
    update_s: float
    """of the whole update"""
    gradient_bytes: float
    """of the largest exchange"""
    gradient_s: float
    """of the quickest exchange of that size, in which the others were waited for least"""
    probe_bytes_per_s: float
    """algbw of the probe; 0 = there was none"""


def traffic_of(exchanges: Sequence[tuple[float, float]], update_s: float, probe_bytes_per_s: float) -> Traffic:
    """Of one Learner's exchanges in an update, each (bytes, seconds)."""
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
    """Key -> value, of all Learners; empty for less than two.

    Rates are of the quickest exchange of gradients: the others hold waits for slow Learners. The exposed share is that
    of the Learner that waited most.
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
