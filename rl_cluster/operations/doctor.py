"""Finds what would break a run before one is started: on this machine, and on every node of a cluster.

No check waits long for another machine, and none starts more than a task on a node.
"""

import json
import os
import platform
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import ray
from ray.exceptions import RayError
from ray.experimental.internal_kv import _internal_kv_get
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import rl_cluster
from rl_cluster.config.scratch import make_scratch_file
from rl_cluster.errors import ClusterError
from rl_cluster.operations.exposure_checks import check_exposure
from rl_cluster.operations.finding import Finding, Verdict, failed, passed
from rl_cluster.operations.machine_checks import check_machine, check_storage
from rl_cluster.operations.port_checks import check_ports
from rl_cluster.operations.token_checks import check_token
from rl_cluster.rllib.cluster import connect

__all__ = ["Examination", "examine"]

NODE_TIMEOUT_S = 30.0
"""Seconds for the tasks of all nodes, including the start of Python processes."""
MOST_SKEW_S = 1.0
AGENT_KEY = "DASHBOARD_AGENT_ADDR_NODE_ID_PREFIX:"
"""The key under which Ray stores where a node's agent listens: [address, HTTP port or -1, gRPC port]."""


class Examination(NamedTuple):
    """What to examine."""

    address: str | None
    """address of a cluster; None = only this machine"""
    storage: Path
    """folder for runs, on every node"""
    least_free_gib: float
    ports: Sequence[int]
    """ports that must be free, or Ray's, on this machine"""


class _NodeAnswer(NamedTuple):
    """The answer of a task on a node."""

    asked_s: float
    """when the task was sent, by the sender's clock"""
    versions: dict[str, str]
    time_s: float
    findings: list[Finding]
    has_probe: bool


def examine(examination: Examination) -> list[Finding]:
    """All findings, those of this machine first."""
    findings = [
        passed("version", ", ".join(f"{name} {version}" for name, version in _versions().items())),
        check_token(),
        *check_ports(examination.ports),
        check_storage(examination.storage, examination.least_free_gib),
        *check_machine(),
        *check_exposure(),
    ]
    if examination.address is not None and all(finding.verdict is not Verdict.FAILED for finding in findings):
        findings += _examine_cluster(examination)
    return findings


def _examine_cluster(examination: Examination) -> list[Finding]:
    try:
        with connect(examination.address):
            return [passed("address", f"{examination.address} takes our token"), *_examine_nodes(examination)]
    except ClusterError as error:
        return [failed("address", f"{error.where}: {error.what}", error.remedy)]


def _examine_nodes(examination: Examination) -> list[Finding]:
    """Runs one task on every node, all at once; a probe file shows whether the storage is shared."""
    probe, descriptor = make_scratch_file(examination.storage)
    try:
        nodes = [node for node in ray.nodes() if node["Alive"]]
        task = ray.remote(num_cpus=0)(_examine_node)
        asked = [
            task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
                time.time(), probe, examination.least_free_gib
            )
            for node in nodes
        ]
        findings, deadline_s = list[Finding](), time.monotonic() + NODE_TIMEOUT_S
        for node, ref in zip(nodes, asked, strict=True):
            name = f"{node['NodeManagerAddress']}-{node['NodeID'][:6]}"
            found = [*_judge(ref, examination.storage, deadline_s), _check_agent(node["NodeID"])]
            findings += [finding._replace(node=name) for finding in found]
        return findings
    finally:
        os.close(descriptor)
        probe.unlink(missing_ok=True)


def _judge(ref: object, storage: Path, deadline_s: float) -> list[Finding]:
    """The findings from a node's task, compared with this process."""
    try:
        answer: _NodeAnswer = ray.get(ref, timeout=max(0.0, deadline_s - time.monotonic()))
    except RayError as error:
        what = f"its task has not come back ({type(error).__name__})"
        return [failed("node", what, "look at its log, or take it out of the cluster")]
    findings = list(answer.findings)
    unlike = {name: theirs for name, theirs in answer.versions.items() if theirs != _versions()[name]}
    if unlike:
        what = ", ".join(f"{name} {version}, here {_versions()[name]}" for name, version in unlike.items())
        findings.append(failed("version", what, "install the same on every node"))
    skew_s = max(answer.asked_s - answer.time_s, answer.time_s - time.time())
    if skew_s > MOST_SKEW_S:
        findings.append(failed("clock", f"{skew_s:.0f} s from here", "start chrony or ntpd on the node"))
    if not answer.has_probe:
        what = f"what is written to {storage} here is not there"
        findings.append(failed("storage", what, "mount the same storage on every node"))
    return findings


def _examine_node(asked_s: float, probe: Path, least_free_gib: float) -> _NodeAnswer:
    """The task that runs on a node."""
    storage = check_storage(probe.parent, least_free_gib)
    return _NodeAnswer(
        asked_s, _versions(), time.time(), [storage, *check_machine(), *check_exposure()], probe.is_file()
    )


def _check_agent(node_id: str) -> Finding:
    """Checks whether the node's agent listens; without it jobs wait for ever."""
    noted = _internal_kv_get(f"{AGENT_KEY}{node_id}".encode(), namespace="dashboard")
    if noted is None or json.loads(noted)[1] in {-1, 0}:
        remedy = "another Ray has its port: ray start --dashboard-agent-listen-port=PORT on this node"
        return failed("agent", "it does not listen, so no job can start", remedy)
    return passed("agent", f"it listens on port {json.loads(noted)[1]}")


def _versions() -> dict[str, str]:
    """Versions of the programs that must be the same on all nodes."""
    return {
        "rl_cluster": rl_cluster.__version__,
        "ray": ray.__version__,
        "torch": metadata.version("torch"),
        "python": platform.python_version(),
    }
