"""A run in an object store: whatever moment a trainer is killed at, what is read there is a whole checkpoint."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from rl_cluster.config.schema import Config
from rl_cluster.config.shared_address import SharedAddress
from rl_cluster.errors import CheckpointError
from rl_cluster.training.checkpoints.checkpoint import find_checkpoint
from rl_cluster.training.checkpoints.files import FILES
from rl_cluster.training.checkpoints.sealed_folder import MANIFEST, read_sealed, write_sealed
from rl_cluster.training.files.fetched_run import fetched, fetched_run
from rl_cluster.training.files.run_mirror import OWNER, RunMirror, TakenOver
from rl_cluster.training.files.shared_storage import SharedFolder
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start
from tests.object_store import ObjectStore

pytestmark = pytest.mark.slow

KEEP = 2


@pytest.fixture(scope="session")
def run(tiny: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with checkpoints of iterations 0 to 3."""
    training = tiny.training.model_copy(update={"iterations": 3, "checkpoint_every": 1, "keep_checkpoints": 10})
    config, path = tiny.model_copy(update={"training": training}), tmp_path_factory.mktemp("whole") / "run"
    train(LocalEngine(config), new_start(config, path), lambda record: None)
    return path


@pytest.fixture
def place(store: ObjectStore) -> SharedAddress:
    return SharedAddress.parse(f"s3://{store.bucket}/runs/first")


class _Killed(SharedFolder):
    """A trainer's access to the store, which ends before so many changes of it."""

    def __init__(self, address: SharedAddress, changes: int) -> None:
        super().__init__(address)
        self._left = changes

    def _count(self) -> None:
        if not self._left:
            raise InterruptedError
        self._left -= 1

    def write(self, name: str, content: bytes) -> None:
        self._count()
        super().write(name, content)

    def delete(self, name: str) -> None:
        self._count()
        super().delete(name)

    def delete_folder(self, name: str) -> None:
        self._count()
        super().delete_folder(name)


def _checkpoint(run: Path, iteration: int) -> Path:
    return run / "checkpoints" / f"checkpoint-{iteration:06d}"


def _mirror(place: SharedAddress, run: Path, *, is_new: bool = True) -> RunMirror:
    return RunMirror(SharedFolder(place), run, KEEP, is_new=is_new)


def _fetched(place: SharedAddress) -> tuple[str, Mapping[str, bytes]]:
    with fetched(place) as folder:
        found = find_checkpoint(folder).folder
        return found.name, read_sealed(found)


def _files(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_upload__copies_the_run_and_keeps_as_many_checkpoints(
    store: ObjectStore, place: SharedAddress, run: Path
) -> None:
    mirror = _mirror(place, run)
    for iteration in range(4):
        mirror.upload(_checkpoint(run, iteration))

    expected = {name: content for name, content in _files(run).items() if not re.search("checkpoint-00000[01]", name)}
    copied = store.objects("runs/first")
    assert copied.pop(OWNER)
    assert copied == expected
    with fetched_run(place) as folder:
        newest = {name: content for name, content in expected.items() if "checkpoint-000002" not in name}
        assert _files(folder) == newest


def test_upload__that_is_killed_at_any_change_leaves_a_whole_checkpoint(
    store: ObjectStore, place: SharedAddress, run: Path
) -> None:
    for iteration in (0, 1):
        _mirror(place, run, is_new=iteration == 0).upload(_checkpoint(run, iteration))
    before = store.objects("runs/first")
    whole = {_checkpoint(run, iteration).name: read_sealed(_checkpoint(run, iteration)) for iteration in (1, 2)}
    seen = []

    for changes in range(100):
        copy = SharedAddress.parse(f"{place}-{changes}")
        for key, content in before.items():
            store.put(f"{copy.folder}/{key}", content)
        try:
            RunMirror(_Killed(copy, changes), run, KEEP, is_new=False).upload(_checkpoint(run, 2))
        except InterruptedError:
            name, files = _fetched(copy)
            assert files == whole[name]
            seen.append(name)
        else:
            break
        if changes % 4 == 0:  # the run goes on, and removes what is torn
            _mirror(copy, run, is_new=False).upload(_checkpoint(run, 3))
            kept = {key.split("/")[1] for key in store.objects(copy.folder) if key.startswith("checkpoints/")}
            assert kept == {
                "checkpoint-000003",
                "checkpoint-000002" if name == "checkpoint-000002" else "checkpoint-000001",
            }

    num_old, num_new = seen.count("checkpoint-000001"), seen.count("checkpoint-000002")
    assert seen == ["checkpoint-000001"] * num_old + ["checkpoint-000002"] * num_new
    assert num_old > len(FILES)
    assert num_new


def test_upload__in_place_of_one_of_the_same_name_never_mixes_the_two(
    store: ObjectStore, place: SharedAddress, run: Path, tmp_path: Path
) -> None:
    for iteration in (0, 1):
        _mirror(place, run, is_new=iteration == 0).upload(_checkpoint(run, iteration))
    before = store.objects("runs/first")
    other = tmp_path / "other"
    shutil.copytree(run, other)
    write_sealed(_checkpoint(other, 1), read_sealed(_checkpoint(run, 1)) | {"state.json": b"{}"})
    allowed = [read_sealed(_checkpoint(run, iteration)) for iteration in (0, 1)] + [read_sealed(_checkpoint(other, 1))]

    for changes in range(100):
        copy = SharedAddress.parse(f"{place}-{changes}")
        for key, content in before.items():
            store.put(f"{copy.folder}/{key}", content)
        try:
            RunMirror(_Killed(copy, changes), other, KEEP, is_new=False).upload(_checkpoint(other, 1))
        except InterruptedError:
            copied = store.objects(f"{copy.folder}/checkpoints")
            for name in {key.partition("/")[0] for key in copied if key.endswith(MANIFEST)}:
                files = {file: copied[f"{name}/{file}"] for file in FILES}
                assert files in allowed
        else:
            return
    pytest.fail("never ends")


@pytest.mark.parametrize("file", [*FILES, MANIFEST])
@pytest.mark.parametrize("damage", ["missing", "truncated", "changed"])
def test_fetched__passes_over_a_damaged_checkpoint_as_on_a_disk(
    store: ObjectStore, place: SharedAddress, run: Path, file: str, damage: str
) -> None:
    mirror = _mirror(place, run)
    for iteration in (0, 1):
        mirror.upload(_checkpoint(run, iteration))
    key = f"runs/first/checkpoints/checkpoint-000001/{file}"
    content = store.objects(key)[""]
    match damage:
        case "missing":
            store.delete(key)
        case "truncated":
            store.put(key, content[: len(content) // 2])
        case "changed":
            store.put(key, content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])

    assert _fetched(place) == ("checkpoint-000000", read_sealed(_checkpoint(run, 0)))


def test_fetched__takes_the_address_of_a_run_its_checkpoints_or_one_of_them(place: SharedAddress, run: Path) -> None:
    mirror = _mirror(place, run)
    for iteration in (0, 1):
        mirror.upload(_checkpoint(run, iteration))

    for where, name in (
        (f"{place}", "checkpoint-000001"),
        (f"{place}/checkpoints", "checkpoint-000001"),
        (f"{place}/checkpoints/checkpoint-000000", "checkpoint-000000"),
    ):
        assert _fetched(SharedAddress.parse(where)) == (name, read_sealed(run / "checkpoints" / name))


def test_fetched__names_the_address_and_leaves_nothing(
    store: ObjectStore, place: SharedAddress, run: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=f"^{place}: does not exist; name the address"), fetched(place):
        pass
    _mirror(place, run).upload(_checkpoint(run, 0))
    store.delete("runs/first/checkpoints/checkpoint-000000/worlds.npz")
    with pytest.raises(CheckpointError, match=f"^{place}/checkpoints/checkpoint-000000/worlds.npz: is missing"):
        _fetched(place)
    store.delete("runs/first/checkpoints/checkpoint-000000/manifest.json")
    with pytest.raises(CheckpointError, match=f"^{place}: holds no checkpoint; name the address"), fetched_run(place):
        pass
    assert list((tmp_path / "home" / "rl_cluster_runs").glob("*")) == []


def test_claim__of_a_later_trainer_ends_the_earlier_one(place: SharedAddress, run: Path) -> None:
    first, second = _mirror(place, run), _mirror(place, run, is_new=False)
    first.upload(_checkpoint(run, 0))
    second.claim()

    with pytest.raises(
        TakenOver, match=r"another trainer writes there now; this run is whole in .*; end one of the two"
    ):
        first.upload(_checkpoint(run, 1))
    second.upload(_checkpoint(run, 2))
    assert _fetched(place)[0] == "checkpoint-000002"


def test_claim__of_a_new_run_refuses_a_place_that_is_taken(store: ObjectStore, place: SharedAddress, run: Path) -> None:
    store.put("runs/first/notes.txt", b"mine")
    with pytest.raises(CheckpointError, match=f"^{place}: exists already; choose another --out"):
        _mirror(place, run).claim()
    assert store.objects() == {"runs/first/notes.txt": b"mine"}

    other = SharedAddress.parse(f"{place}-2")
    _mirror(other, run).upload(_checkpoint(run, 0))
    with pytest.raises(CheckpointError, match=f"go on with --resume {other}, or choose another --out"):
        _mirror(other, run).claim()


def test_abandon__deletes_what_was_begun_unless_somebody_else_has_come(
    store: ObjectStore, place: SharedAddress, run: Path
) -> None:
    mirror = _mirror(place, run)
    mirror.upload(_checkpoint(run, 0))
    mirror.abandon()
    assert store.objects() == {}

    mirror.upload(_checkpoint(run, 0))
    _mirror(place, run, is_new=False).claim()
    mirror.abandon()
    assert f"runs/first/{OWNER}" in store.objects()
