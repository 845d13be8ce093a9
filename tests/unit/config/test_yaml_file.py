import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.yaml_file import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, dump_yaml, parse_yaml, read_yaml
from rl_cluster.errors import ConfigError, ScenarioError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**17), max_value=10**17)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
    | st.sampled_from(["012", "1e5", "on", "true", "~", "", "3e-4", ".inf", "1_000", "0x1f", "12:30", "=", "<<"])
)
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc"), inner, max_size=4)
)


@given(DATA)
def test_dump__is_read_back_unchanged(data: object) -> None:
    assert parse_yaml(dump_yaml(data), "dump") == data


def test_dump__keeps_the_order_and_writes_flat_lists_in_a_line() -> None:
    assert dump_yaml({"b": {"lr": [0.001, 5e-5]}, "a": [{"x": 1}]}) == "b:\n  lr: [0.001, 5.0e-05]\na:\n- x: 1\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("012", 12),
        ("-7", -7),
        ("123456789012345678901", 123456789012345678901.0),
        ("9" * 5000, math.inf),
        ("on", "on"),
        ("true", True),
        ("null", None),
        ("12:30:45", "12:30:45"),
        ("2026-01-31", "2026-01-31"),
        ("1_000", "1_000"),
        ("'3'", "3"),
        ("[1, 2e0]", [1, 2.0]),
        ('{"json": [true, null]}', {"json": [True, None]}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
    ],
)
def test_scalar__follows_the_core_schema(text: str, value: object) -> None:
    read = parse_yaml(text, "text")

    assert read == value
    assert type(read) is type(value)


def test_nan__is_a_float() -> None:
    assert math.isnan(parse_yaml(".nan", "text"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"^x: is empty; write at least one value$"),
        ("# only a comment\n", r"^x: is empty; write"),
        ("a: 1\nb: 2\na: 3", r"^x line 3: key a occurs twice; correct"),
        ("a: {b: 1, 'b': 2}", r"^x: key b occurs twice; correct"),
        (
            "a: !!python/object/apply:os.system [ls]",
            r"^x: tag !!python/object/apply:os.system is not allowed; write",
        ),
        ("a: !!float abc", r"tag !!float is not allowed; write"),
        ("! a", r"tag ! is not allowed; write"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), rf"nested more than {MAX_DEPTH} deep; flatten"),
        ("[" * 500_000, rf"nested more than {MAX_DEPTH} deep; flatten"),
        ("a: &a [*a]", r"alias a stands within its own value; write"),
        ("a: *b", r"undefined alias; correct"),
        ("a: 1\n---\nb: 2", r"another document; correct"),
        ("a: [1,\nb: }\n", r"^x line 2: .*; correct"),
        ("{[1]: 2}", r"unhashable key; correct"),
        ("a: 1\0", r"character that YAML does not allow; save"),
    ],
)
def test_text__that_is_no_plain_data_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_yaml(text, "x")


def test_depth__at_the_limit_is_read() -> None:
    assert parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH, "text")


def test_alias_bomb__is_refused_before_it_grows() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]

    with pytest.raises(ConfigError, match=rf"line 3: more than {MAX_ALIASES} aliases are used; write the values out"):
        parse_yaml("\n".join(["l0: &l0 [lol]", *levels]), "bomb.yaml")


def test_file__is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text("a: ü\n", encoding="utf-8")
    (tmp_path / "marked.yaml").write_text("a: ü\n", encoding="utf-8-sig")

    assert read_yaml(tmp_path / "plain.yaml") == read_yaml(tmp_path / "marked.yaml") == {"a": "ü"}


def test_file__as_large_as_the_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "large.yaml"
    file.write_text("a: 1 #".ljust(MAX_BYTES, "x"), encoding="utf-8")

    assert read_yaml(file) == {"a": 1}


def test_unreadable_file__is_named_with_its_remedy(tmp_path: Path) -> None:
    huge, latin = tmp_path / "huge.yaml", tmp_path / "latin.yaml"
    with huge.open("wb") as file:
        file.truncate(100 * 2**20)
    latin.write_bytes("a: ü".encode("latin-1"))

    for path, message in (
        (
            tmp_path / "none.yaml",
            r"none.yaml: cannot be read \(No such file or directory\); name a YAML file that exists",
        ),
        (tmp_path, r": is a folder; name a YAML file"),
        (Path("/dev/null"), r"/dev/null: is not a regular file; name a YAML file"),
        (huge, r"huge.yaml: has 100.0 MiB, more than 1 MiB; name a smaller YAML file"),
        (latin, r"latin.yaml: is not UTF-8 at byte 3; save it as UTF-8 text"),
    ):
        with pytest.raises(ScenarioError, match=message):
            read_yaml(path, ScenarioError)
