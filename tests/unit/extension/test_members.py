"""What an extension lacks is named."""

import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.extension.members import check_members


class Half:
    first = 1


def test_check_members__takes_what_has_all() -> None:
    check_members(Half(), ["first"], "here")


def test_check_members__names_the_first_that_is_missing() -> None:
    with pytest.raises(ConfigError, match="here: has no second; give it first, second, third"):
        check_members(Half(), ["first", "second", "third"], "here")
