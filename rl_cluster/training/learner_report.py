"""The work of an Updater, as the monitor takes it."""

from rl_cluster.learning.update import Updater
from rl_cluster.metrics.communication import traffic_of
from rl_cluster.metrics.monitor import LearnerReport
from rl_cluster.metrics.torch_memory import read_memory

__all__ = ["learner_report"]


def learner_report(updater: Updater, connector_s: float, update_s: float, learner: str, node: str) -> LearnerReport:
    """The report of the last update.

    Args:
        updater: The updater that ran it.
        connector_s: Seconds that it took to put the rows together.
        update_s: Seconds that the update took, exchanges included.
        learner: Name of the Learner.
        node: Name of its node.
    """
    traffic = traffic_of(updater.exchanges, update_s, updater.probe_bytes_per_s)
    return LearnerReport(
        learner=learner,
        node=node,
        seconds={
            "connector": connector_s,
            "update": max(0.0, update_s - traffic.seconds),
            "exchange": traffic.seconds,
        },
        traffic=traffic,
        memory=read_memory(updater.device, updater.num_emptied),
    )
