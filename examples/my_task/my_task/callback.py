"""A callback of your own."""

from rl_cluster import Callback
from rl_cluster.training.run import Record


class StopEarly(Callback):
    """Ends the run when the policy is nearly certain of what it does."""

    entropy = float("inf")

    def on_iteration(self, record: Record) -> None:
        """Notes the entropy of the policy, nat."""
        self.entropy = record.metrics["learning/entropy"]

    def wants_end(self) -> bool:
        """True = the entropy is below 0.05 nat."""
        return self.entropy < 0.05
