"""Every key, `group/name`, that a run's metrics may have, with its unit and meaning.

Groups: `episode` (means over the training episodes that ended), `evaluation` (means over episodes that are never
trained on, with argmax play; of the current stage, if the run has a curriculum), `curriculum`, `sampling`, `learning`,
`time`, `share` (how the wall time of an iteration is divided; the shares add up to 1), `balance` (how evenly env
runners, Learners and nodes are loaded), `communication`, `memory` (of the Learners), `node` and `gpu`. A key that has
no value in an iteration is omitted, never NaN; so are keys that a machine cannot measure.
"""

import re
from typing import NamedTuple

from rl_cluster.environment.tasks import TASKS

__all__ = [
    "AGENT_STEPS", "AGENT_STEPS_PER_S", "AGENT_STEPS_TOTAL", "BROKEN_EPISODES", "CATALOGUE", "CHECKPOINT_AGE_S",
    "COMMUNICATION_ALGORITHM_BYTES_PER_S", "COMMUNICATION_BUS_BYTES_PER_S", "COMMUNICATION_BUS_RATIO",
    "COMMUNICATION_EXCHANGED_BYTES", "COMMUNICATION_EXCHANGES", "COMMUNICATION_PROBE_BUS_BYTES_PER_S",
    "COMMUNICATION_WEIGHTS_BYTES", "COMMUNICATION_WEIGHTS_S", "DEVICE_BUSY_SHARE", "DEVICE_CATALOGUE",
    "DEVICE_MEMORY_SHARE", "DEVICE_MEMORY_USED_BYTES", "DEVICE_POWER_W", "DEVICE_SM_CLOCK_MHZ",
    "DEVICE_TEMPERATURE_C", "DEVICE_THROTTLED", "DROPPED_FRAGMENTS", "ELAPSED_S", "ENV_STEPS_PER_S", "EPISODES",
    "ETA_S", "EXCHANGE_S", "EXPOSED_SHARE", "FORMS", "GPU_BUSY_SHARE_MEAN", "GPU_BUSY_SHARE_MIN", "GPU_COUNT",
    "GPU_MEMORY_SHARE_MAX", "GPU_POWER_W", "GPU_SM_CLOCK_MIN_MHZ", "GPU_TEMPERATURE_MAX_C", "GPU_THROTTLED",
    "HOST_CATALOGUE", "HOST_CPU_SHARE", "HOST_DISK_BYTES_PER_S", "HOST_DISK_SHARE", "HOST_MEMORY_SHARE",
    "HOST_MEMORY_USED_BYTES", "HOST_OBJECT_STORE_SHARE", "HOST_OBJECT_STORE_USED_BYTES", "HOST_RECEIVED_BYTES_PER_S",
    "HOST_SENT_BYTES_PER_S", "HOST_SPILLED_BYTES", "KEPT_SHARE", "LEARNER_SAMPLES_PER_S", "LEARNING_S",
    "MEMORY_ALLOCATION_RETRIES", "MEMORY_EMPTIED_CACHES", "MEMORY_FRAGMENTATION", "MEMORY_LEAK_BYTES_PER_ITERATION",
    "MEMORY_LEAK_HIGH_BYTES_PER_ITERATION", "MEMORY_LEAK_LOW_BYTES_PER_ITERATION", "MEMORY_PEAK_BYTES",
    "MEMORY_RESERVED_BYTES", "MEMORY_USED_BYTES", "MODE", "NODE_COUNT", "NODE_CPU_SHARE_MAX", "NODE_CPU_SHARE_MEAN",
    "NODE_DISK_BYTES_PER_S", "NODE_DISK_SHARE_MAX", "NODE_MEMORY_SHARE_MAX", "NODE_OBJECT_STORE_SHARE_MAX",
    "NODE_OBJECT_STORE_USED_BYTES", "NODE_RECEIVED_BYTES_PER_S", "NODE_SENT_BYTES_PER_S", "NODE_SPILLED_BYTES",
    "POLICY_LAG", "POLICY_LAG_MEAN", "RUNNER_SHARE_MAX", "RUNNER_SHARE_MIN", "SAMPLING_S", "STAGE", "STAGE_BOUND",
    "STAGE_SCORE", "Form", "Metric", "balance_key", "describe", "episode_key", "evaluation_key", "is_timed",
    "learning_key", "phase_key", "stage_score_key",
]  # fmt: skip


class Metric(NamedTuple):
    """The meaning of a key."""

    unit: str
    """`1` for shares, counts and numbers without a unit"""
    text: str
    """the meaning in one line"""


class Form(NamedTuple):
    """The form in which people see the value of a key."""

    label: str
    decimals: int


_EPISODE = {metric.name: Metric(metric.unit, metric.text) for task in TASKS.values() for metric in task.metrics}

_LEARNING = {
    "policy_loss": Metric("1", "clipped PPO loss, mean over minibatches"),
    "value_loss": Metric("1", "loss of standardised values, mean over minibatches"),
    "total_loss": Metric("1", "loss that was stepped on (old API stack)"),
    "imitation_loss": Metric("nat", "-log probability of what the search would choose; 0 without a search"),
    "entropy": Metric("nat", "entropy of a deciding UAV's policy"),
    "approx_kl": Metric("nat", "KL between the sampling policy and the current one, mean over minibatches"),
    "last_epoch_kl": Metric("nat", "the same in the last epoch: how far the policy has moved"),
    "clip_fraction": Metric("1", "share of probability ratios that were clipped"),
    "grad_norm": Metric("1", "global norm of the gradient before clipping"),
    "explained_variance": Metric("1", "1 - Var(target - value) / Var(target)"),
    "first_ratio_deviation": Metric("1", "largest |ratio - 1| in the first minibatch: 0 but for rounding"),
    "effective_sample_share": Metric(
        "1", "effective sample size over size, of rows of older weights (async); 1 = as new"
    ),
    "lr": Metric("1", "Adam's learning rate"),
    "kl_weight": Metric("1", "weight of the KL penalty"),
    "skipped_updates": Metric("1", "minibatches left out because their gradient was not finite"),
    "part_rows": Metric("1", "graphs that go through the network together"),
    "samples_per_s": Metric("1/s", "graphs that Learners took through the network per second of updating"),
}

_SHARES = {
    "env": "worlds stepping, on the slowest env runner",
    "inference": "the policy acting, and the search that it imitates, on the slowest env runner",
    "connector": "putting rows together, on env runner and Learner",
    "transfer": "fragments and answers on their way",
    "update": "gradients and optimizer, on the slowest Learner",
    "exchange": "Learners summing gradients, waiting for each other included",
    "sync": "weights to env runners",
    "idle": "what is none of these",
}

_BALANCE = {
    "imbalance": Metric("1", "max / mean - 1 of busy seconds, medians of the last iterations"),
    "jain": Metric("1", "Jain's index of busy seconds: 1 = even, 1/n = one does all"),
    "straggler_share": Metric("1", "share that takes more than 4/3 of the median's time"),
    "wait_s": Metric("s", "mean time that the faster ones wait for the slowest, in an iteration"),
}

CATALOGUE: dict[str, Metric] = {
    **{f"{group}/{name}": metric for group in ("episode", "evaluation") for name, metric in _EPISODE.items()},
    **{f"learning/{name}": metric for name, metric in _LEARNING.items()},
    **{f"share/{phase}": Metric("1", f"share of the iteration: {text}") for phase, text in _SHARES.items()},
    **{
        f"balance/{who}_{name}": metric._replace(text=f"{who}s: {metric.text}")
        for who in ("runner", "learner", "node")
        for name, metric in _BALANCE.items()
    },
}
"""Key -> unit and meaning; `describe` also knows the keys that contain a stage's number."""
HOST_CATALOGUE: dict[str, Metric] = {}
"""Keys of one node: exported with the label `node`, never in a record."""
DEVICE_CATALOGUE: dict[str, Metric] = {}
"""Keys of one GPU: exported with the labels `node` and `gpu`, never in a record."""


def _key(key: str, unit: str, text: str, catalogue: dict[str, Metric] = CATALOGUE) -> str:
    """The key, which a catalogue must contain."""
    catalogue[key] = Metric(unit, text)
    return key


LEARNER_SAMPLES_PER_S = "learning/samples_per_s"
AGENT_STEPS = _key("sampling/agent_steps", "1", "UAVs that existed, summed over decision steps")
AGENT_STEPS_TOTAL = _key("sampling/agent_steps_total", "1", "the same since the run began")
AGENT_STEPS_PER_S = _key("sampling/agent_steps_per_s", "1/s", "agent steps over the time of sampling and learning")
ENV_STEPS_PER_S = _key(
    "sampling/env_steps_per_s", "1/s", "decision steps of worlds over the time of sampling and learning"
)
EPISODES = _key("sampling/episodes", "1", "episodes that came to their end")
BROKEN_EPISODES = _key("sampling/broken_episodes", "1", "episodes given up because their numbers were no longer finite")
POLICY_LAG = _key(
    "sampling/policy_lag", "1", "updates that the weights had seen since those by which the oldest rows were sampled"
)
POLICY_LAG_MEAN = _key(
    "sampling/policy_lag_mean", "1", "the same, mean over the batch's fragments (sampling.mode=async)"
)
RUNNER_SHARE_MIN = _key(
    "sampling/runner_share_min", "1", "share of the batch by the env runner that made least (async)"
)
RUNNER_SHARE_MAX = _key("sampling/runner_share_max", "1", "share of the batch by the env runner that made most (async)")
DROPPED_FRAGMENTS = _key("sampling/dropped_fragments", "1", "fragments that were older than sampling.max_lag (async)")
SAMPLING_S = _key("time/sampling_s", "s", "waiting for env runners in an iteration")
LEARNING_S = _key("time/learning_s", "s", "waiting for Learners in an iteration")
EXCHANGE_S = _key("time/exchange_s", "s", "of the time of learning, what Learners spent in exchanges with each other")
ELAPSED_S = _key("time/elapsed_s", "s", "since the run began, pauses left out")
ETA_S = _key("time/eta_s", "s", "to the last iteration at the pace so far, or to the time limit")
CHECKPOINT_AGE_S = _key("time/checkpoint_age_s", "s", "since the last checkpoint: what a crash would cost")
STAGE = _key("curriculum/stage", "1", "in which the iteration was trained, from 1")
STAGE_SCORE = _key("curriculum/score", "1", "of that stage, where it was evaluated")
STAGE_BOUND = _key("curriculum/bound", "1", "score that passes that stage")
MODE = _key("curriculum/mode", "1", "after the iteration: 0 in training, 1 held, 2 done")
KEPT_SHARE = _key(
    "curriculum/kept_share", "1", "least share, over earlier stages, of the score by which the stage was passed"
)
EXPOSED_SHARE = _key(
    "communication/exposed_share", "1", "share of a Learner's update that it spent in exchanges of gradients"
)
COMMUNICATION_EXCHANGED_BYTES = _key(
    "communication/exchanged_bytes", "byte", "that one Learner gave to all-reduces of an update"
)
COMMUNICATION_EXCHANGES = _key("communication/exchanges", "1", "all-reduces of an update")
COMMUNICATION_ALGORITHM_BYTES_PER_S = _key(
    "communication/algorithm_bytes_per_s", "byte/s", "algbw = bytes / seconds, quickest exchange of gradients"
)
COMMUNICATION_BUS_BYTES_PER_S = _key(
    "communication/bus_bytes_per_s", "byte/s", "busbw = algbw 2 (n - 1) / n, comparable for any n (nccl-tests)"
)
COMMUNICATION_PROBE_BUS_BYTES_PER_S = _key(
    "communication/probe_bus_bytes_per_s", "byte/s", "busbw of an all-reduce with nothing beside it"
)
COMMUNICATION_BUS_RATIO = _key(
    "communication/bus_ratio", "1", "busbw of the quickest all-reduce of gradients over that of the probe"
)
COMMUNICATION_WEIGHTS_BYTES = _key("communication/weights_bytes", "byte", "weights that every env runner is sent")
COMMUNICATION_WEIGHTS_S = _key(
    "communication/weights_s", "s", "from asking a Learner for weights until the slowest env runner has them"
)
MEMORY_PEAK_BYTES = _key("memory/peak_bytes", "byte", "most that torch had allocated on a Learner's GPU in the update")
MEMORY_RESERVED_BYTES = _key("memory/reserved_bytes", "byte", "what torch's allocator holds of a Learner's GPU")
MEMORY_FRAGMENTATION = _key("memory/fragmentation", "1", "reserved but not allocated, over reserved, at the peak")
MEMORY_ALLOCATION_RETRIES = _key(
    "memory/allocation_retries", "1", "allocations that had to empty the cache first, in the update"
)
MEMORY_EMPTIED_CACHES = _key(
    "memory/emptied_caches", "1", "updates after which torch's cache was emptied, since the Learner started"
)
MEMORY_USED_BYTES = _key(
    "memory/used_bytes", "byte", "after the update: torch's on a GPU, else the Learner's resident memory"
)
MEMORY_LEAK_BYTES_PER_ITERATION = _key(
    "memory/leak_bytes_per_iteration", "byte", "Theil-Sen slope of the used bytes over the last iterations"
)
MEMORY_LEAK_LOW_BYTES_PER_ITERATION = _key(
    "memory/leak_low_bytes_per_iteration", "byte", "lower end of the slope's 95 % interval"
)
MEMORY_LEAK_HIGH_BYTES_PER_ITERATION = _key(
    "memory/leak_high_bytes_per_iteration", "byte", "upper end of the slope's 95 % interval"
)
NODE_COUNT = _key("node/count", "1", "nodes that have been heard of")
NODE_CPU_SHARE_MEAN = _key("node/cpu_share_mean", "1", "busy share of all cores, mean over nodes")
NODE_CPU_SHARE_MAX = _key("node/cpu_share_max", "1", "busy share of all cores, busiest node")
NODE_MEMORY_SHARE_MAX = _key("node/memory_share_max", "1", "used share of memory, fullest node")
NODE_DISK_SHARE_MAX = _key("node/disk_share_max", "1", "used share of the disk with Ray's files, fullest node")
NODE_DISK_BYTES_PER_S = _key("node/disk_bytes_per_s", "byte/s", "read and written, all nodes")
NODE_SENT_BYTES_PER_S = _key("node/sent_bytes_per_s", "byte/s", "sent over the network, all nodes")
NODE_RECEIVED_BYTES_PER_S = _key("node/received_bytes_per_s", "byte/s", "received over the network, all nodes")
NODE_OBJECT_STORE_SHARE_MAX = _key("node/object_store_share_max", "1", "used share of Ray's object store, fullest node")
NODE_OBJECT_STORE_USED_BYTES = _key("node/object_store_used_bytes", "byte", "in Ray's object stores, all nodes")
NODE_SPILLED_BYTES = _key(
    "node/spilled_bytes", "byte", "spilled from object stores to disk since they began, all nodes"
)
GPU_COUNT = _key("gpu/count", "1", "GPUs that have been heard of")
GPU_BUSY_SHARE_MEAN = _key("gpu/busy_share_mean", "1", "share of time with a kernel running (NVML), mean over GPUs")
GPU_BUSY_SHARE_MIN = _key("gpu/busy_share_min", "1", "the same, idlest GPU")
GPU_MEMORY_SHARE_MAX = _key("gpu/memory_share_max", "1", "used share of memory, fullest GPU")
GPU_POWER_W = _key("gpu/power_w", "W", "power drawn, all GPUs")
GPU_TEMPERATURE_MAX_C = _key("gpu/temperature_max_c", "degC", "hottest GPU")
GPU_SM_CLOCK_MIN_MHZ = _key("gpu/sm_clock_min_mhz", "MHz", "slowest SM clock")
GPU_THROTTLED = _key("gpu/throttled", "1", "GPUs whose clock is held down by heat or power")

HOST_CPU_SHARE = _key("host/cpu_share", "1", "busy share of all cores", HOST_CATALOGUE)
HOST_MEMORY_USED_BYTES = _key("host/memory_used_bytes", "byte", "memory in use", HOST_CATALOGUE)
HOST_MEMORY_SHARE = _key("host/memory_share", "1", "used share of memory", HOST_CATALOGUE)
HOST_DISK_SHARE = _key("host/disk_share", "1", "used share of the disk with Ray's files", HOST_CATALOGUE)
HOST_DISK_BYTES_PER_S = _key("host/disk_bytes_per_s", "byte/s", "read and written", HOST_CATALOGUE)
HOST_SENT_BYTES_PER_S = _key("host/sent_bytes_per_s", "byte/s", "sent over the network", HOST_CATALOGUE)
HOST_RECEIVED_BYTES_PER_S = _key("host/received_bytes_per_s", "byte/s", "received over the network", HOST_CATALOGUE)
HOST_OBJECT_STORE_USED_BYTES = _key("host/object_store_used_bytes", "byte", "in Ray's object store", HOST_CATALOGUE)
HOST_OBJECT_STORE_SHARE = _key("host/object_store_share", "1", "used share of Ray's object store", HOST_CATALOGUE)
HOST_SPILLED_BYTES = _key(
    "host/spilled_bytes", "byte", "spilled from the object store to disk since the node began", HOST_CATALOGUE
)

DEVICE_BUSY_SHARE = _key("device/busy_share", "1", "share of time with a kernel running (NVML)", DEVICE_CATALOGUE)
DEVICE_MEMORY_USED_BYTES = _key("device/memory_used_bytes", "byte", "memory in use", DEVICE_CATALOGUE)
DEVICE_MEMORY_SHARE = _key("device/memory_share", "1", "used share of memory", DEVICE_CATALOGUE)
DEVICE_POWER_W = _key("device/power_w", "W", "power drawn", DEVICE_CATALOGUE)
DEVICE_TEMPERATURE_C = _key("device/temperature_c", "degC", "temperature", DEVICE_CATALOGUE)
DEVICE_SM_CLOCK_MHZ = _key("device/sm_clock_mhz", "MHz", "SM clock", DEVICE_CATALOGUE)
DEVICE_THROTTLED = _key("device/throttled", "1", "1 = heat or power hold its clock down", DEVICE_CATALOGUE)

FORMS = {
    AGENT_STEPS_PER_S: Form("per s", 0),
    STAGE: Form("stage", 0),
    "learning/entropy": Form("entropy", 3),
    "learning/approx_kl": Form("KL", 4),
    "learning/explained_variance": Form("explained variance", 2),
}
"""The keys in a run's progress display; those of episodes have the labels and decimals of their task."""

_TIMED_GROUPS = ("time", "share", "balance", "communication", "memory", "node", "gpu")
_STAGE_SCORE = re.compile(rf"{STAGE_SCORE}_stage_\d+")


def describe(key: str) -> Metric:
    """Unit and meaning of a key. Raises KeyError if there is no such key.

    Those of episodes may be of tasks that are not of this package.
    """
    if _STAGE_SCORE.fullmatch(key):
        return Metric("1", "score of that stage, where it was evaluated")
    if key not in CATALOGUE and key.startswith((episode_key(""), evaluation_key(""))):
        return Metric("1", "a metric of a task that another package adds")
    return {**CATALOGUE, **HOST_CATALOGUE, **DEVICE_CATALOGUE}[key]


def is_timed(key: str) -> bool:
    """Whether the value depends on the machine: it differs when the same run is repeated."""
    group = key.partition("/")[0]
    return group in _TIMED_GROUPS or key.endswith("_per_s")


def episode_key(metric: str) -> str:
    """Key of a training episode metric (`outcome.py` of each task names them)."""
    return f"episode/{metric}"


def evaluation_key(metric: str) -> str:
    """Key of an evaluation metric."""
    return f"evaluation/{metric}"


def learning_key(statistic: str) -> str:
    """Key of a statistic of the update (`learning/update.py` names them)."""
    return f"learning/{statistic}"


def phase_key(phase: str) -> str:
    """Key of the share of an iteration that a phase takes (`phases.py` names them)."""
    return f"share/{phase}"


def balance_key(who: str, name: str) -> str:
    """Key of how evenly `runner`s, `learner`s or `node`s are loaded (`load_balance.py` names the measures)."""
    return f"balance/{who}_{name}"


def stage_score_key(stage: int) -> str:
    """Key of the score of a stage, from 1."""
    return f"{STAGE_SCORE}_stage_{stage}"
