"""What environments take as actions."""

import numpy as np
import pytest

from rl_cluster.environment.faces.calls import as_actions, as_world
from rl_cluster.errors import CallError

WHOLE = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]


@pytest.mark.parametrize("dtype", WHOLE)
def test_choices__of_every_whole_type_are_taken_as_they_are(dtype: type[np.integer]) -> None:
    highest = np.array([0, np.iinfo(dtype).max], dtype)

    taken = as_actions(highest, (2,), num_controls=0)

    assert taken.dtype == np.int64
    assert taken.tolist() == [0, min(np.iinfo(dtype).max, np.iinfo(np.int64).max)]


def test_world__is_the_number_that_is_asked_for() -> None:
    asked: tuple[object, ...] = ({"world": 0}, {"world": np.int64(59), "other": 1}, None, {}, {"options": 1})
    assert [as_world(options) for options in asked] == [0, 59, None, None, None]


@pytest.mark.parametrize("number", [-1, 1.0, True, "1", 10**9])
def test_world__that_is_none_is_refused(number: object) -> None:
    with pytest.raises(CallError, match=r"reset: world=.* is no number of a world; give a whole number from 0"):
        as_world({"world": number})
