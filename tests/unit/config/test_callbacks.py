"""The setting names import paths, each once."""

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.errors import ConfigError


def test_callbacks__are_import_paths() -> None:
    assert load_config("debug", ["callbacks=[mine:a, package.mine:B.c]"]).callbacks == ("mine:a", "package.mine:B.c")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[mine]", "mine is no import path; write module:Class, as my_package.mine:StopEarly"),
        ("[mine:a, ../mine:b]", "../mine:b is no import path; write module:Class, as my_package.mine:StopEarly"),
        ("[mine:a, mine:a]", "names mine:a twice; name each callback once"),
        ("mine:a", 'got "mine:a"; give a list of 0 to 16, each text of 0 to 200 characters'),
        ("[3]", "got 3; give text of 0 to 200 characters"),
    ],
)
def test_callbacks__are_refused_otherwise(value: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config("debug", [f"callbacks={value}"])

    assert str(caught.value).endswith(message)
    assert f"callbacks={value}" in str(caught.value)
