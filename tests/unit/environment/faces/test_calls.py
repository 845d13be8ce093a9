"""What environments take as actions."""

import numpy as np
import pytest

from rl_cluster.environment.faces.calls import as_actions

WHOLE = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]


@pytest.mark.parametrize("dtype", WHOLE)
def test_choices__of_every_whole_type_are_taken_as_they_are(dtype: type[np.integer]) -> None:
    highest = np.array([0, np.iinfo(dtype).max], dtype)

    taken = as_actions(highest, (2,), num_controls=0)

    assert taken.dtype == np.int64
    assert taken.tolist() == [0, min(np.iinfo(dtype).max, np.iinfo(np.int64).max)]
