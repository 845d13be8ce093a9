import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.sampling.search.budget import Budget, parse_budget


def test_parse_budget__reads_plans_or_time_and_futures() -> None:
    assert parse_budget("plans=64") == Budget(plans=64, ms=0, futures=0)
    assert parse_budget("ms=500, futures=4") == Budget(plans=0, ms=500, futures=4)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("plans=0", "plans=0 is not between 1 and"),
        ("ms=0", "ms=0 is not between 1 and"),
        ("plans=64,futures=0", "futures=0 is not between"),
        ("plans=" + "9" * 50, "is not between 1 and"),
        ("plans=-1", "plans=-1 is no part of a budget"),
        ("plans=1.5", "is no part"),
        ("plans=²", "is no part"),
        ("64", "64 is no part"),
        ("plans=1,plans=2", "plans=2 is no part"),
        ("", "nothing is no part"),
        ("futures=4", "it says neither plans nor ms"),
        ("plans=4,ms=5", "not in both"),
    ],
)
def test_parse_budget__refuses_what_is_none(text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=rf"--search: .*{fault}.*; write plans=64 or ms=500, and futures=4"):
        parse_budget(text)
