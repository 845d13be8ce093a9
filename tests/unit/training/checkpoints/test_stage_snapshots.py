"""What a run may go back to: kept by stage, held for good only if finite, and the same after a round trip."""

import numpy as np
import pytest
import torch

from rl_cluster.training.checkpoints.stage_snapshots import StageSnapshots
from rl_cluster.training.engine import EngineState


def learnt(value: float) -> EngineState:
    """A state with one weight and one moment."""
    return EngineState({"layer.weight": torch.tensor([value])}, {"layer.step": torch.tensor(value)}, {})


def test_stage__is_gone_back_to_with_the_worlds_as_they_are() -> None:
    snapshots = StageSnapshots()
    snapshots.take(1, learnt(1.0))
    snapshots.take(2, learnt(2.0))
    now = learnt(9.0)._replace(arrays={"worlds": np.ones(3)})

    back = snapshots.restore(1, now)

    assert (back.weights, back.optimizer) == (learnt(1.0).weights, learnt(1.0).optimizer)
    assert back.arrays is now.arrays
    assert set(snapshots.stages) == {1, 2}


def test_stage__that_is_passed_again_takes_the_place_of_the_former() -> None:
    snapshots = StageSnapshots()
    snapshots.take(1, learnt(1.0))
    snapshots.take(1, learnt(5.0))

    assert snapshots.restore(1, learnt(0.0)).weights == learnt(5.0).weights


def test_stage__that_was_never_passed_is_an_error() -> None:
    with pytest.raises(KeyError):
        StageSnapshots().restore(1, learnt(0.0))
    with pytest.raises(KeyError):
        StageSnapshots().restore_good(learnt(0.0))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["weights", "optimizer"])
def test_good__is_never_what_is_not_finite(value: float, part: str) -> None:
    snapshots = StageSnapshots()
    assert snapshots.good is None
    snapshots.take_good(learnt(3.0))

    snapshots.take_good(learnt(4.0)._replace(**{part: getattr(learnt(value), part)}))

    assert snapshots.restore_good(learnt(0.0)).weights == learnt(3.0).weights
    assert snapshots.stages == {}


def test_state__makes_a_round_trip() -> None:
    snapshots, other = StageSnapshots(), StageSnapshots()
    snapshots.take(1, learnt(1.0))
    snapshots.take(12, learnt(2.0))
    snapshots.take_good(learnt(3.0))
    other.take(3, learnt(8.0))

    other.load_state_dict(snapshots.state_dict())

    assert other.state_dict() == snapshots.state_dict()
    assert set(other.state_dict()) >= {"stage12/weights/layer.weight", "good/optimizer/layer.step"}
    assert (other.stages, other.good) == (snapshots.stages, snapshots.good)


@pytest.mark.parametrize(
    "name", ["stage0/weights/a", "stage01/weights/a", "stage1/moments/a", "best/weights/a", "stage1/weights/", "a"]
)
def test_name__of_no_stage_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no part of a stage"):
        StageSnapshots().load_state_dict({name: torch.ones(1)})
