"""What a store's folder can do, and what is said when the store cannot be used."""

from pathlib import Path

import pytest

from rl_cluster.config.shared_address import SharedAddress
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.training.files.shared_storage import SharedFolder
from tests.object_store import ObjectStore

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(store: ObjectStore) -> SharedFolder:
    return SharedFolder(SharedAddress.parse(f"s3://{store.bucket}/runs/first"))


@pytest.mark.parametrize("num_bytes", [0, 1, 12_000_000])
def test_object__comes_back_as_it_was_written(folder: SharedFolder, num_bytes: int, tmp_path: Path) -> None:
    content = bytes(range(250)) * (num_bytes // 250) + b"x" * (num_bytes % 250)

    folder.write("a/b", content)

    assert folder.read("a/b", num_bytes + 1) == content
    assert folder.read("a/b", 10) == content[:10]
    assert folder.download("a/b", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == content
    assert folder.list("a") == {"b": num_bytes}


def test_object__that_is_not_there_is_none(folder: SharedFolder, tmp_path: Path) -> None:
    assert not folder.exists()
    assert folder.read("a/b", 1) is None
    assert not folder.download("a/b", tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert folder.list("a") == {}
    folder.delete("a/b")
    folder.delete_folder("a")


def test_delete__takes_what_it_names_and_nothing_else(folder: SharedFolder, store: ObjectStore) -> None:
    for name in ("a/b", "a/c", "ab/c"):
        folder.write(name, b"")
    assert folder.list("") == {"a": None, "ab": None}

    folder.delete("a/b")
    assert store.objects("runs/first").keys() == {"a/c", "ab/c"}
    folder.delete_folder("a")
    assert store.objects("runs/first").keys() == {"ab/c"}
    assert folder.exists()


def test_store__that_nobody_serves_is_named(
    folder: SharedFolder, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckpointError, match="there is no bucket nothing-here; make it first, or name another"):
        SharedFolder(SharedAddress.parse("s3://nothing-here/a")).exists()
    with pytest.raises(CheckpointError, match="there is no bucket nothing-here; make it first, or name another"):
        SharedFolder(SharedAddress.parse("s3://nothing-here/a")).write("b", b"")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(CheckpointError, match="the store does not answer; see that this machine reaches it"):
        SharedFolder(folder.address).exists()


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "ftp://host", "http://", "http://u:sesame@h", "http://h:x"])
def test_endpoint__that_is_none_is_refused_without_repeating_it(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)

    with pytest.raises(
        ConfigError, match="is no address of a store; export http://HOST:PORT or https://HOST"
    ) as caught:
        SharedFolder(SharedAddress.parse("s3://bucket/a"))
    assert "sesame" not in str(caught.value)
