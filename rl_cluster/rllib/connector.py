"""The learner connector: fragments of all env runners -> one train batch with advantages.

RLlib's default pieces take episodes apart step by step; `learning/batch.py` works on the columns as they are. Fragments
that older weights have made are first looked at with the current ones (`learning/off_policy.py`).
"""

from typing import Any

from ray.rllib.connectors.connector_v2 import ConnectorV2
from ray.rllib.core import DEFAULT_MODULE_ID

from rl_cluster.config.schema import Config
from rl_cluster.learning.batch import TrainBatch, make_train_batch
from rl_cluster.learning.off_policy import evaluate_current
from rl_cluster.rllib.env_runner import RunnerFragment

__all__ = ["ITERATION", "FragmentsToTrainBatch"]

ITERATION = "iteration"
"""Key of the number of updates so far in the data that connectors share."""


class FragmentsToTrainBatch(ConnectorV2):
    """Joins fragments in the order of their runners, not of their answers: the batch does not depend on timing."""

    def __init__(self, run: Config) -> None:
        super().__init__()
        self._ppo, self._is_corrected = run.ppo, run.sampling.mode == "async"

    def __call__(
        self, *, rl_module: Any, episodes: list[RunnerFragment], shared_data: dict[str, Any], **_: Any
    ) -> dict[str, TrainBatch]:
        """The batch of the only module, which is trained."""
        fragments = [sampled.fragment for sampled in sorted(episodes, key=lambda sampled: sampled.runner)]
        if not self._is_corrected:
            return {DEFAULT_MODULE_ID: make_train_batch(fragments, self._ppo)}
        model, newest = rl_module[DEFAULT_MODULE_ID].model, shared_data[ITERATION]
        current = [None if one.weights_version == newest else evaluate_current(model, one) for one in fragments]
        return {DEFAULT_MODULE_ID: make_train_batch(fragments, self._ppo, current)}
