"""The learner connector: fragments of all env runners -> one train batch with advantages.

RLlib's default pieces take episodes apart step by step; `learning/batch.py` works on the columns as they are.
"""

from typing import Any

from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core import DEFAULT_MODULE_ID

from rl_cluster.config.schema import PPOConfig
from rl_cluster.learning.batch import TrainBatch, make_train_batch
from rl_cluster.rllib.env_runner import RunnerFragment

__all__ = ["FragmentsToTrainBatch"]


class FragmentsToTrainBatch(ConnectorV2):
    """Joins fragments in the order of their runners, not of their answers: the batch does not depend on timing."""

    def __init__(self, config: PPOConfig) -> None:
        super().__init__()
        self._config = config

    def __call__(self, *, episodes: list[RunnerFragment], **_: Any) -> dict[str, TrainBatch]:
        """The batch of the only module, which is trained."""
        fragments = [sampled.fragment for sampled in sorted(episodes, key=lambda sampled: sampled.runner)]
        return {DEFAULT_MODULE_ID: make_train_batch(fragments, self._config)}
