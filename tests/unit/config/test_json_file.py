"""JSON is read by the rules of YAML: whole, finite, flat, every key once."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.json_file import MAX_DEPTH, parse_json
from rl_cluster.config.yaml_file import read_yaml
from rl_cluster.errors import ConfigError, ScenarioError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DATA = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


@given(DATA, st.booleans())
def test_parse__gives_back_what_was_written(data: object, ascii_only: bool) -> None:
    assert parse_json(json.dumps(data, ensure_ascii=ascii_only), "text") == data


def test_parse__allows_the_deepest_data_but_no_deeper() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH, "text") is not None
    with pytest.raises(ConfigError, match="text: is nested more than 32 levels deep; flatten it"):
        parse_json("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "text")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n"b" 2}', r"text line 2: is not JSON \(.*\); correct it there"),
        ("", "text line 1: is not JSON"),
        ('{"a": {"b": 1, "b": 2}}', "text: key b occurs twice; keep one of them"),
        ("[NaN]", "text: holds NaN, which is no JSON; write a finite number"),
        ("[-Infinity]", "text: holds -Infinity, which is no JSON"),
        ("[" * 100_000, "text: is not JSON that can be read; write shorter numbers and flatter lists"),
        ("9" * 5000, "text: is not JSON that can be read"),
    ],
)
def test_parse__refuses_with_fault_and_remedy(text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        parse_json(text, "text", ScenarioError)


def test_read_yaml__reads_json_by_the_name_of_the_file(tmp_path: Path) -> None:
    # A pair of surrogates is an emoji in JSON, and two characters that do not exist in YAML.
    (tmp_path / "data.JSON").write_text(json.dumps({"name": "🚁"}), encoding="ascii")
    (tmp_path / "data.yaml").write_text("name: 🚁", encoding="utf-8")

    assert read_yaml(tmp_path / "data.JSON") == read_yaml(tmp_path / "data.yaml") == {"name": "🚁"}
