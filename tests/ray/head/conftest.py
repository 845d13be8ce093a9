"""One head for all tests here: to start one takes longer than most of them."""

from collections.abc import Callable, Iterator

import pytest

from tests.ray.real_head import Head, started_head


@pytest.fixture(scope="package")
def head(free_ports: Callable[[int], list[str]]) -> Iterator[Head]:
    """A head apart from `nodes`, for commands in processes of their own."""
    with started_head(free_ports(6)) as head:
        yield head
