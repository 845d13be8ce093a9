"""Records as TensorBoard curves."""

from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.proto.summary_pb2 import Summary

__all__ = ["TensorBoardTracker"]


class TensorBoardTracker:
    """Writes event files.

    Args:
        folder: Where to.
        first_iteration: Curves that an earlier process wrote beyond it are cut there.
    """

    def __init__(self, folder: Path, first_iteration: int) -> None:
        suffix = f".from-{first_iteration}"  # else two files of the same second would be one
        self._writer = SummaryWriter(str(folder), purge_step=first_iteration, flush_secs=10, filename_suffix=suffix)

    def log(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """One point a curve, at the iteration; all of them in one event, for a tenth of the time."""
        values = [Summary.Value(tag=key, simple_value=value) for key, value in metrics.items()]
        self._writer.file_writer.add_summary(Summary(value=values), iteration)

    def close(self) -> None:
        """Writes what is left."""
        self._writer.close()
