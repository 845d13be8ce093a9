"""The demo's settings with and without all the rules that can be switched on."""

import pytest

from rl_cluster.config.schema import Config
from tests.unit.environment.allocate.all_rules import with_all_rules


@pytest.fixture(params=["none", "sum", "sync"])
def ruled(request: pytest.FixtureRequest, quick_demo: Config) -> Config:
    """The demo, and the demo with all that can be switched on, with either coalition."""
    if request.param == "none":
        return quick_demo
    return with_all_rules(quick_demo, coalition=request.param, resource_kind="capability")
