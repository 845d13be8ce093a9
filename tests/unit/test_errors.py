import pickle

import pytest

from rl_cluster import errors
from rl_cluster.errors import RlClusterError, counted

KINDS = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]


@pytest.mark.parametrize("kind", KINDS)
def test_error__reads_where_what_remedy(kind: type[RlClusterError]) -> None:
    assert str(kind("demo.yaml: ppo.lr", "got 0", "give more")) == "demo.yaml: ppo.lr: got 0; give more"


@pytest.mark.parametrize("kind", KINDS)
def test_error__crosses_process_borders_unchanged(kind: type[RlClusterError]) -> None:
    error = pickle.loads(pickle.dumps(kind("where", "what", "remedy")))

    assert type(error) is kind
    assert (error.where, error.what, error.remedy) == ("where", "what", "remedy")


@pytest.mark.parametrize("kind", KINDS)
def test_error__is_drawn_in_the_tree(kind: type[RlClusterError]) -> None:
    assert issubclass(kind, RlClusterError)
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(("number", "words"), [(0, "0 no-fly zones"), (1, "1 no-fly zone"), (2, "2 no-fly zones")])
def test_counted__is_singular_for_one_alone(number: int, words: str) -> None:
    assert counted(number, "no-fly zone") == words
