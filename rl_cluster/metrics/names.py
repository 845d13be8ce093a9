"""Every key that a run's metrics may carry, `group/name`, with its unit and what it says.

Groups: `episode` (means over the training episodes that ended), `evaluation` (means over episodes that are never
trained on, with argmax play; of the current stage, if the run has a curriculum), `curriculum`, `sampling`, `learning`,
`time`, `share` (how the wall time of an iteration is divided; the shares add up to 1), `balance` (how evenly env
runners, Learners and nodes are loaded), `communication`, `memory` (of the Learners), `node` and `gpu`. A key that has
no value in an iteration is left out, never NaN: what a machine cannot measure is not there.
"""

import re
from typing import NamedTuple

from rl_cluster.environment.tasks import TASKS

__all__ = [
    "AGENT_STEPS",
    "AGENT_STEPS_PER_S",
    "AGENT_STEPS_TOTAL",
    "BROKEN_EPISODES",
    "CATALOGUE",
    "CHECKPOINT_AGE_S",
    "DEVICE_CATALOGUE",
    "ELAPSED_S",
    "ENV_STEPS_PER_S",
    "EPISODES",
    "ETA_S",
    "EXCHANGE_S",
    "EXPOSED_SHARE",
    "HOST_CATALOGUE",
    "KEPT_SHARE",
    "LEARNER_SAMPLES_PER_S",
    "LEARNING_S",
    "MODE",
    "POLICY_LAG",
    "SAMPLING_S",
    "STAGE",
    "STAGE_BOUND",
    "STAGE_SCORE",
    "Metric",
    "describe",
    "episode_key",
    "evaluation_key",
    "is_timed",
    "learning_key",
    "phase_key",
    "stage_score_key",
]


class Metric(NamedTuple):
    """What a key means."""

    unit: str
    """`1` for shares, counts and numbers without a unit"""
    text: str
    """in words, one line"""


AGENT_STEPS = "sampling/agent_steps"
AGENT_STEPS_TOTAL = "sampling/agent_steps_total"
AGENT_STEPS_PER_S = "sampling/agent_steps_per_s"
ENV_STEPS_PER_S = "sampling/env_steps_per_s"
EPISODES = "sampling/episodes"
BROKEN_EPISODES = "sampling/broken_episodes"
POLICY_LAG = "sampling/policy_lag"
LEARNER_SAMPLES_PER_S = "learning/samples_per_s"
SAMPLING_S = "time/sampling_s"
LEARNING_S = "time/learning_s"
EXCHANGE_S = "time/exchange_s"
ELAPSED_S = "time/elapsed_s"
ETA_S = "time/eta_s"
CHECKPOINT_AGE_S = "time/checkpoint_age_s"
STAGE = "curriculum/stage"
STAGE_SCORE = "curriculum/score"
STAGE_BOUND = "curriculum/bound"
MODE = "curriculum/mode"
KEPT_SHARE = "curriculum/kept_share"
EXPOSED_SHARE = "communication/exposed_share"

_EPISODE = {metric.name: Metric(metric.unit, metric.text) for task in TASKS.values() for metric in task.metrics}

_LEARNING = {
    "policy_loss": Metric("1", "clipped PPO loss, mean over minibatches"),
    "value_loss": Metric("1", "loss of standardised values, mean over minibatches"),
    "total_loss": Metric("1", "loss that was stepped on (old API stack)"),
    "entropy": Metric("nat", "entropy of a deciding UAV's policy"),
    "approx_kl": Metric("nat", "KL between the sampling policy and the current one, mean over minibatches"),
    "last_epoch_kl": Metric("nat", "the same in the last epoch: how far the policy has moved"),
    "clip_fraction": Metric("1", "share of probability ratios that were clipped"),
    "grad_norm": Metric("1", "global norm of the gradient before clipping"),
    "explained_variance": Metric("1", "1 - Var(target - value) / Var(target)"),
    "first_ratio_deviation": Metric("1", "largest |ratio - 1| in the first minibatch: 0 but for rounding"),
    "lr": Metric("1", "Adam's learning rate"),
    "kl_weight": Metric("1", "weight of the KL penalty"),
    "skipped_updates": Metric("1", "minibatches left out because their gradient was not finite"),
    "part_rows": Metric("1", "graphs that go through the network together"),
    "samples_per_s": Metric("1/s", "graphs that Learners took through the network per second of updating"),
}

_SHARES = {
    "env": "worlds stepping, on the slowest env runner",
    "inference": "the policy acting, on the slowest env runner",
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
    AGENT_STEPS: Metric("1", "UAVs that existed, summed over decision steps"),
    AGENT_STEPS_TOTAL: Metric("1", "the same since the run began"),
    AGENT_STEPS_PER_S: Metric("1/s", "agent steps over the time of sampling and learning"),
    ENV_STEPS_PER_S: Metric("1/s", "decision steps of worlds over the time of sampling and learning"),
    EPISODES: Metric("1", "episodes that came to their end"),
    BROKEN_EPISODES: Metric("1", "episodes given up because their numbers were no longer finite"),
    POLICY_LAG: Metric("1", "updates that the weights had seen since those by which the oldest rows were sampled"),
    SAMPLING_S: Metric("s", "waiting for env runners in an iteration"),
    LEARNING_S: Metric("s", "waiting for Learners in an iteration"),
    EXCHANGE_S: Metric("s", "of the time of learning, what Learners spent in exchanges with each other"),
    ELAPSED_S: Metric("s", "since the run began, pauses left out"),
    ETA_S: Metric("s", "to the last iteration at the pace so far, or to the time limit"),
    CHECKPOINT_AGE_S: Metric("s", "since the last checkpoint: what a crash would cost"),
    STAGE: Metric("1", "in which the iteration was trained, from 1"),
    STAGE_SCORE: Metric("1", "of that stage, where it was evaluated"),
    STAGE_BOUND: Metric("1", "score that passes that stage"),
    MODE: Metric("1", "after the iteration: 0 in training, 1 held, 2 done"),
    KEPT_SHARE: Metric("1", "least share, over earlier stages, of the score by which the stage was passed"),
    **{f"share/{phase}": Metric("1", f"share of the iteration: {text}") for phase, text in _SHARES.items()},
    **{
        f"balance/{who}_{name}": metric._replace(text=f"{who}s: {metric.text}")
        for who in ("runner", "learner", "node")
        for name, metric in _BALANCE.items()
    },
    EXPOSED_SHARE: Metric("1", "share of a Learner's update that it spent in exchanges of gradients"),
    "communication/exchanged_bytes": Metric("byte", "that one Learner gave to all-reduces of an update"),
    "communication/exchanges": Metric("1", "all-reduces of an update"),
    "communication/algorithm_bytes_per_s": Metric("byte/s", "algbw = bytes / seconds, quickest exchange of gradients"),
    "communication/bus_bytes_per_s": Metric("byte/s", "busbw = algbw 2 (n - 1) / n, comparable for any n (nccl-tests)"),
    "communication/probe_bus_bytes_per_s": Metric("byte/s", "busbw of an all-reduce with nothing beside it"),
    "communication/bus_ratio": Metric("1", "busbw of the quickest all-reduce of gradients over that of the probe"),
    "communication/weights_bytes": Metric("byte", "weights that every env runner is sent"),
    "communication/weights_s": Metric("s", "from asking a Learner for weights until the slowest env runner has them"),
    "memory/peak_bytes": Metric("byte", "most that torch had allocated on a Learner's GPU in the update"),
    "memory/reserved_bytes": Metric("byte", "what torch's allocator holds of a Learner's GPU"),
    "memory/fragmentation": Metric("1", "reserved but not allocated, over reserved, at the peak"),
    "memory/allocation_retries": Metric("1", "allocations that had to empty the cache first, in the update"),
    "memory/used_bytes": Metric("byte", "after the update: torch's on a GPU, else the Learner's resident memory"),
    "memory/leak_bytes_per_iteration": Metric("byte", "Theil-Sen slope of the used bytes over the last iterations"),
    "memory/leak_low_bytes_per_iteration": Metric("byte", "lower end of the slope's 95 % interval"),
    "memory/leak_high_bytes_per_iteration": Metric("byte", "upper end of the slope's 95 % interval"),
    "node/count": Metric("1", "nodes that have been heard of"),
    "node/cpu_share_mean": Metric("1", "busy share of all cores, mean over nodes"),
    "node/cpu_share_max": Metric("1", "busy share of all cores, busiest node"),
    "node/memory_share_max": Metric("1", "used share of memory, fullest node"),
    "node/disk_share_max": Metric("1", "used share of the disk with Ray's files, fullest node"),
    "node/disk_bytes_per_s": Metric("byte/s", "read and written, all nodes"),
    "node/sent_bytes_per_s": Metric("byte/s", "sent over the network, all nodes"),
    "node/received_bytes_per_s": Metric("byte/s", "received over the network, all nodes"),
    "node/object_store_share_max": Metric("1", "used share of Ray's object store, fullest node"),
    "node/object_store_used_bytes": Metric("byte", "in Ray's object stores, all nodes"),
    "node/spilled_bytes": Metric("byte", "spilled from object stores to disk since they began, all nodes"),
    "gpu/count": Metric("1", "GPUs that have been heard of"),
    "gpu/busy_share_mean": Metric("1", "share of time with a kernel running (NVML), mean over GPUs"),
    "gpu/busy_share_min": Metric("1", "the same, idlest GPU"),
    "gpu/memory_share_max": Metric("1", "used share of memory, fullest GPU"),
    "gpu/power_w": Metric("W", "power drawn, all GPUs"),
    "gpu/temperature_max_c": Metric("degC", "hottest GPU"),
    "gpu/sm_clock_min_mhz": Metric("MHz", "slowest SM clock"),
    "gpu/throttled": Metric("1", "GPUs whose clock is held down by heat or power"),
}  # fmt: skip
"""Key -> unit and meaning; `describe` also knows the keys that carry a stage's number."""

HOST_CATALOGUE = {
    "host/cpu_share": Metric("1", "busy share of all cores"),
    "host/memory_used_bytes": Metric("byte", "memory in use"),
    "host/memory_share": Metric("1", "used share of memory"),
    "host/disk_share": Metric("1", "used share of the disk with Ray's files"),
    "host/disk_bytes_per_s": Metric("byte/s", "read and written"),
    "host/sent_bytes_per_s": Metric("byte/s", "sent over the network"),
    "host/received_bytes_per_s": Metric("byte/s", "received over the network"),
    "host/object_store_used_bytes": Metric("byte", "in Ray's object store"),
    "host/object_store_share": Metric("1", "used share of Ray's object store"),
    "host/spilled_bytes": Metric("byte", "spilled from the object store to disk since the node began"),
}
"""Of one node: shown with the label `node`, and in no record."""

DEVICE_CATALOGUE = {
    "device/busy_share": Metric("1", "share of time with a kernel running (NVML)"),
    "device/memory_used_bytes": Metric("byte", "memory in use"),
    "device/memory_share": Metric("1", "used share of memory"),
    "device/power_w": Metric("W", "power drawn"),
    "device/temperature_c": Metric("degC", "temperature"),
    "device/sm_clock_mhz": Metric("MHz", "SM clock"),
    "device/throttled": Metric("1", "1 = heat or power hold its clock down"),
}
"""Of one GPU: shown with the labels `node` and `gpu`, and in no record."""

_TIMED_GROUPS = ("time", "share", "balance", "communication", "memory", "node", "gpu")
_STAGE_SCORE = re.compile(rf"{STAGE_SCORE}_stage_\d+")


def describe(key: str) -> Metric:
    """Unit and meaning of a key. Raises KeyError if there is no such key."""
    if _STAGE_SCORE.fullmatch(key):
        return Metric("1", "score of that stage, where it was evaluated")
    return {**CATALOGUE, **HOST_CATALOGUE, **DEVICE_CATALOGUE}[key]


def is_timed(key: str) -> bool:
    """Whether the value tells of the machine: it is another one in a repetition of the same run."""
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


def stage_score_key(stage: int) -> str:
    """Key of the score of a stage, from 1."""
    return f"{STAGE_SCORE}_stage_{stage}"
