"""Secrets are no settings: what is saved with every checkpoint holds none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rl_cluster.config.load import load_config
from rl_cluster.errors import ConfigError

WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


@given(user=WORDS | st.just(""), password=WORDS, host=WORDS, scheme=st.sampled_from(["http", "https", "HTTPS"]))
def test_address__with_a_password_is_refused(user: str, password: str, host: str, scheme: str) -> None:
    with pytest.raises(ConfigError, match="export MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD instead"):
        load_config("debug", [f"monitoring.mlflow_uri={scheme}://{user}:{password}@{host}"])


@pytest.mark.parametrize("name", ["token", "api_key", "x-secret", "PASSWORD", "sig", "pwd"])
def test_address__with_a_secret_in_its_query_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="would be saved with every checkpoint"):
        load_config("debug", [f"monitoring.mlflow_uri=http://host/path?a=b&{name}=c"])


@pytest.mark.parametrize("uri", ["http://host:5000", "sqlite:////tmp/a@b.db", "http://host/a@b", "file:///a?b=c"])
def test_address__without_one_is_taken(uri: str) -> None:
    assert load_config("debug", [f"monitoring.mlflow_uri={uri}"]).monitoring.mlflow_uri == uri
