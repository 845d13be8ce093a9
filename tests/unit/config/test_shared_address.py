"""Addresses of folders in object stores: parsed and printed alike, and refused before anything is asked."""

from pathlib import Path

import pytest

from rl_cluster.config.shared_address import SharedAddress, is_address, name_of, place
from rl_cluster.errors import ConfigError


@pytest.mark.parametrize("text", ["s3://bucket/a", "gs://my_bucket.x/runs/seed=1/a-b_c+d,e.f", "s3://b-2/a/b/c"])
def test_parse__gives_what_is_printed(text: str) -> None:
    address = SharedAddress.parse(text)

    assert str(address) == text
    assert SharedAddress.parse(str(address)) == address
    assert place(text) == address
    assert name_of(address) == text.rpartition("/")[2]


def test_parse__takes_a_slash_at_the_end_and_any_case_of_the_scheme() -> None:
    assert SharedAddress.parse("S3://bucket/runs/a/") == SharedAddress("s3", "bucket", "runs/a")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("http://host/run", "no address of a store that is known; write s3://BUCKET/FOLDER or gs://BUCKET/FOLDER"),
        ("file:///run", "no address of a store that is known; .*a folder that all nodes mount is named by its path"),
        ("s3:/bucket/a", "no address of a store that is known; write"),
        ("s3://", "names no bucket; write s3://BUCKET/FOLDER"),
        ("s3:///a", "names no bucket; write"),
        ("s3://B/a", "names a bucket that no store allows; write"),
        ("s3://a..b/c", "names a bucket that no store allows; write"),
        ("s3://bucket", "names a bucket, but no folder in it; write"),
        ("s3://bucket/", "names a bucket, but no folder in it; write"),
        ("s3://bucket/a//b", "empty parts, or with more than letters, digits and _=,+.-; write"),
        ("s3://bucket/a/../b", "names a folder with empty parts, or with more than letters, digits"),
        ("s3://bucket/a b", "more than letters, digits"),
        ("s3://bucket/a\nb", "more than letters, digits"),
        ("s3://bucket/a?region=x", "more than letters, digits"),
        ("s3://bucket/größe", "more than letters, digits"),
        ("s3://bucket/" + "a/" * 500, "more than 900 bytes; write"),
        ("s3://key:secret@bucket/a", "holds a user name, a password or a token, .*; export AWS_ACCESS_KEY_ID and"),
        ("s3://bucket/a?secret_key=x", "holds a user name, a password or a token"),
    ],
)
def test_parse__refuses_in_one_line(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("+", r"\+")) as caught:
        SharedAddress.parse(text)
    assert "secret" not in str(caught.value).lower().partition(";")[0]


@pytest.mark.parametrize("text", ["runs/a", "/runs/a", "s3:/bucket/a", "./s3://x", "a b://c"])
def test_place__of_anything_else_is_a_path(text: str) -> None:
    assert not is_address(text)
    assert place(text) == Path(text)
    assert name_of(Path(text)) == Path(text).name
