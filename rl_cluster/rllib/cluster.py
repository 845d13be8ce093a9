"""Connects a run to a running Ray, or to a Ray of its own, which is started on free ports and ended again.

A Ray of our own listens only on the loopback interface, requires a secret token, and keeps its files in a short private
folder. At its end it ends only what it started; `ray stop` is never used, because it ends every Ray of a host.
"""

import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import ray
from ray._common.utils import get_ray_address_file
from ray._private import ray_constants
from ray._private.services import find_gcs_addresses
from ray._private.state import available_resources_per_node, total_resources_per_node
from ray._raylet import AuthenticationTokenLoader
from ray._raylet import Config as RayletConfig
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

import rl_cluster
from rl_cluster.errors import ClusterError, counted
from rl_cluster.rllib.address import Endpoint, parse_head
from rl_cluster.rllib.authentication import read_auth_mode
from rl_cluster.rllib.deadline import greet
from rl_cluster.rllib.own_ray_folder import make_own_folder
from rl_cluster.rllib.placement.draining import draining_nodes
from rl_cluster.rllib.placement.plan import NodeResources
from rl_cluster.rllib.short_folder import short_folder
from rl_cluster.rllib.signal_handlers import own_signal_handlers
from rl_cluster.rllib.token_file import check_token_file
from rl_cluster.rllib.waiting import waiting

__all__ = ["Cluster", "connect"]

ANSWER_TIMEOUT_S = 15.0
"""Seconds for the head to answer as a Ray of our version that knows our token; Ray itself tries for two minutes."""
NODE_TIMEOUT_S = 60.0
"""Seconds for all nodes to start a Python process and import the package."""
START_LIMIT_S = 60.0
"""Seconds after which Ray itself gives up starting here."""
LONGEST_RECORD = 300
"""The most characters of the address that `ray start` has recorded in a folder that others can write."""
START_REMEDY = "check `ray start --head` there, or omit --address and RAY_ADDRESS to run here"


class Cluster:
    """A connection to Ray; `close` ends it, and also Ray if it is our own."""

    is_own: bool
    """Whether it is a Ray of our own, on this machine."""

    def __init__(self, address: str, ending: ExitStack, *, is_own: bool = False) -> None:
        self.address, self._ending, self.is_own = address, ending, is_own

    def resources(self) -> list[NodeResources]:
        """The resources of each live node."""
        return _read_nodes(total_resources_per_node())

    def free_resources(self) -> list[NodeResources]:
        """The free resources of each live node."""
        return _read_nodes(available_resources_per_node())

    def object_store_bytes(self) -> float:
        """Bytes of the object stores of all live nodes together."""
        return sum(amounts.get("object_store_memory", 0.0) for amounts in total_resources_per_node().values())

    def close(self) -> None:
        """Disconnects; a second call does nothing."""
        self._ending.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read_nodes(per_node: Mapping[str, Mapping[str, float]]) -> list[NodeResources]:
    """All that stay: Ray puts nothing new on a node that is being drained."""
    going = draining_nodes()
    return [
        NodeResources(amounts.get("CPU", 0.0), amounts.get("GPU", 0.0), node_id)
        for node_id, amounts in per_node.items()
        if node_id not in going
    ]


def connect(address: str | None) -> Cluster:
    """Connects to `address`, else to RAY_ADDRESS (set in every submitted job), else to a Ray of our own.

    `auto` is the head that runs on this machine, `local` a Ray of our own whatever RAY_ADDRESS says. A process that is
    already connected, as inside a Ray task, keeps its cluster if no address is given, and `close` then does nothing.

    Raises:
        ClusterError: the address is of another kind, nothing answers there, the answer does not come from a Ray that
            accepts us, or one of its nodes cannot import this package.
    """
    with ExitStack() as ending:  # undone at once if anything fails on the way
        if address is None and ray.is_initialized():
            return Cluster(ray.get_runtime_context().gcs_address, ending.pop_all())
        if address is None:
            address = os.environ.get("RAY_ADDRESS") or "local"
        endpoint = parse_head(address)
        if address == "local":
            _start_own(ending)
        else:
            _join(endpoint or _find_head(), ending)
            _check_nodes(address)
        return Cluster(ray.get_runtime_context().gcs_address, ending.pop_all(), is_own=address == "local")


def _start_own(ending: ExitStack) -> None:
    folder = make_own_folder(short_folder(), ending)
    token_file = folder / "token"
    token_file.touch(mode=0o600)
    token_file.write_text(secrets.token_hex(32), encoding="ascii")
    ending.enter_context(
        _authentication(
            {
                "RAY_AUTH_MODE": "token",
                "RAY_AUTH_TOKEN_PATH": str(token_file),
                "RAY_AUTH_TOKEN": None,
                "RAY_ADDRESS": None,
                "RAY_USAGE_STATS_ENABLED": "0",  # otherwise Ray sends a usage report once an hour
            }
        )
    )
    ending.enter_context(_loopback_only())
    try:
        with waiting("a Ray of its own to start on this machine", START_LIMIT_S):
            _init(
                ending,
                address="local",
                include_dashboard=False,
                _temp_dir=str(folder / "ray"),
                _node_ip_address="127.0.0.1",
            )
    except (ConnectionError, RuntimeError, TimeoutError, RayError) as error:
        what = f"a Ray of its own does not start on this machine ({_last_line(str(error))})"
        raise ClusterError("ray", what, "see rl-cluster doctor, or set engine=local") from None


def _join(endpoint: Endpoint, ending: ExitStack) -> None:
    check_token_file()
    given, address = read_auth_mode(), str(endpoint)
    greet(endpoint, f"address {address}", START_REMEDY)
    is_token_known = AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True)
    mode = given or ("token" if is_token_known else "disabled")
    ending.enter_context(_authentication({"RAY_AUTH_MODE": mode}))
    _ask(address)
    try:
        _init(ending, address=address)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, f"Ray refused: {_last_line(str(error))}") from None


def _find_head() -> Endpoint:
    """The head that `ray start` last recorded on this machine, else the only head that runs on it."""
    heads: set[str] = find_gcs_addresses()
    record = Path(get_ray_address_file(None))
    recorded = ""
    if record.is_file():
        with record.open(encoding="utf-8", errors="replace") as lines:
            recorded = lines.read(LONGEST_RECORD).strip()
    found = recorded if recorded in heads else next(iter(heads)) if len(heads) == 1 else ""
    if endpoint := parse_head(found) if found else None:
        return endpoint
    if heads:
        raise ClusterError(
            "address auto", f"several heads run here: {', '.join(sorted(heads))}", "name one with --address"
        )
    raise ClusterError(
        "address auto", "no head runs on this machine", "start one with `ray start --head`, or omit --address"
    )


def _ask(address: str) -> None:
    """Checks that a Ray of our version answers and accepts our token, in a process that can be abandoned."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise _unreachable(
            address, f"what listens there does not answer as Ray within {ANSWER_TIMEOUT_S:g} s"
        ) from None
    if answer.returncode == 0:
        return
    if "AuthenticationError" in answer.stderr:
        raise ClusterError(
            f"address {address}",
            "the head asks for another token",
            "export RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH=FILE with the token that it was started with",
        )
    raise _unreachable(address, f"Ray refused: {_last_line(answer.stderr)}")


def _check_nodes(address: str) -> None:
    """Asks every node for its version of this package: an actor that cannot import it dies with a long traceback."""
    nodes = [node for node in ray.nodes() if node["Alive"]]
    task, deadline_s = ray.remote(num_cpus=0)(_package_version), time.monotonic() + NODE_TIMEOUT_S
    pins = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in nodes]
    answers = [task.options(scheduling_strategy=pin).remote() for pin in pins]
    with waiting(f"{counted(len(nodes), 'node')} to answer", NODE_TIMEOUT_S):
        for node, answer in zip(nodes, answers, strict=True):
            _check_node(f"node {node['NodeManagerAddress']} of {address}", answer, deadline_s)


def _check_node(where: str, answer: Any, deadline_s: float) -> None:
    try:
        version = ray.get(answer, timeout=max(0.0, deadline_s - time.monotonic()))
    except GetTimeoutError:
        what = f"it does not answer within {NODE_TIMEOUT_S:g} s"
        raise ClusterError(where, what, "see rl-cluster doctor --address, or take it out of the cluster") from None
    except RayError:
        version = "none"
    if version != rl_cluster.__version__:
        raise ClusterError(
            where,
            f"it has rl_cluster {version}, not {rl_cluster.__version__}",
            "install the same on every node, or send this working directory along with "
            "`ray job submit --working-dir . -- python -m rl_cluster train ...`",
        )


def _package_version() -> str:
    return rl_cluster.__version__


def _unreachable(address: str, what: str) -> ClusterError:
    return ClusterError(f"address {address}", what, START_REMEDY)


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def _init(ending: ExitStack, **arguments: object) -> None:
    ending.callback(ray.shutdown)
    with own_signal_handlers():
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **arguments)


@contextmanager
def _authentication(variables: Mapping[str, str | None]) -> Iterator[None]:
    """Environment variables for this process and its children while connected; None = not set.

    Ray reads mode and token once, when it is imported, so both caches have to be cleared.
    """
    before = {name: os.environ.get(name) for name in variables}
    _set_environment(variables)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    RayletConfig.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _loopback_only() -> Iterator[None]:
    """Makes Ray start as on a laptop without a network. By default it listens on all interfaces."""
    before, ray_constants.ENABLE_RAY_CLUSTER = ray_constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
