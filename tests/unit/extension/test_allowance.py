"""What settings name is imported only if the environment allows it."""

import pytest

from rl_cluster.errors import ConfigError
from rl_cluster.extension.allowance import ALLOWED, allowance, allowed_imports, check_allowed


@pytest.mark.parametrize(
    ("text", "paths"), [(None, []), ("", []), ("a:B", ["a:B"]), (" a:B ,, b.c:D,", ["a:B", "b.c:D"])]
)
def test_allowed_imports__are_those_of_the_environment(
    text: str | None, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ALLOWED, raising=False)
    if text is not None:
        monkeypatch.setenv(ALLOWED, text)

    assert allowed_imports() == paths


def test_check_allowed__takes_what_is_allowed_or_named_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ALLOWED, "a:B")
    check_allowed([], "callbacks")
    check_allowed(["a:B", "c:D"], "callbacks", named=["c:D"])

    for other in ("a:b", "a", "a:B.c", "a.b:B"):
        with pytest.raises(ConfigError) as caught:
            check_allowed(["a:B", other], "callbacks")
        assert str(caught.value) == (
            f"callbacks: {other} is not allowed: what settings name is imported only if you allow it, each time anew; "
            f"export {ALLOWED}=a:B,{other}, or omit it by callbacks=[]"
        )


def test_allowance__is_what_allows_it_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert allowance([]) == {}
    for name, value in allowance(["a:B", "c:D"]).items():
        monkeypatch.setenv(name, value)

    check_allowed(["c:D", "a:B"], "callbacks")
