"""Names that become a part of URLs."""

import pytest

from rl_cluster.errors import ClusterError
from rl_cluster.operations.job_name import check_job_name, is_job_name


@pytest.mark.parametrize("name", ["raysubmit_abc123", "a", "A-b_9", "x" * 128])
def test_name__of_a_job_is_taken_as_it_is(name: str) -> None:
    assert check_job_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 129, "a/b", "..", "a b", "a\n", "job?x=1", "a%2f", "ä", "a#b"])
def test_name__that_would_change_a_url_is_refused(name: str) -> None:
    assert not is_job_name(name)
    with pytest.raises(ClusterError, match="this is not the name of a job"):
        check_job_name(name)
