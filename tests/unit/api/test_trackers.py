"""Each service holds what was trained, under the keys of the catalogue, also after a resume."""

import json
import os
import struct
import threading
import time
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event

from rl_cluster.api import trackers as module
from rl_cluster.api.trackers import check_trackers, tracker_openers
from rl_cluster.cli.streams import without_stdin
from rl_cluster.config.load import dotted_settings
from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.metrics.tracking import Tracker
from rl_cluster.training.run import Record
from rl_cluster.training.trackers import Trackers

KEYS = {"learning/entropy": 0.5, "share/env": 0.25}


def _with_monitoring(config: Config, **values: object) -> Config:
    return config.model_copy(update={"monitoring": config.monitoring.model_copy(update=values)})


def _train(config: Config, folder: Path, iterations: range) -> None:
    """Hands these iterations to the services, as a process of its own would."""
    with Trackers(tracker_openers(config, folder, iterations.start)) as trackers:
        for iteration in iterations:
            trackers.note(Record(iteration, {key: value * iteration for key, value in KEYS.items()}, []))


def _curve(folder: Path, key: str) -> list[tuple[int, float]]:
    """What TensorBoard shows: points of all event files in their order, cut where a later file says so.

    A record is its length, 4 bytes of checksum, the event, 4 bytes of checksum.
    """
    points: list[tuple[int, float]] = []
    for file in sorted(folder.iterdir()):
        content, place = file.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            event = Event.FromString(content[place + 12 : place + 12 + length])
            place += 16 + length
            if event.HasField("session_log"):
                points = [point for point in points if point[0] < event.step]
            points += [(event.step, value.simple_value) for value in event.summary.value if value.tag == key]
    return points


def test_tensorboard__has_every_curve_and_none_of_its_points_twice_after_a_resume(tiny: Config, tmp_path: Path) -> None:
    _train(tiny, tmp_path, range(1, 6))
    _train(tiny, tmp_path, range(4, 7))

    for key, value in KEYS.items():
        points = _curve(tmp_path / "tensorboard", key)
        assert points == [(iteration, value * iteration) for iteration in range(1, 7)]


@pytest.mark.slow
# MLflow's own tables make SQLAlchemy warn, in words of SQLAlchemy's.
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")
def test_mlflow__has_one_run_before_and_after_a_resume(tiny: Config, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path}/store.db"
    config = _with_monitoring(tiny, tensorboard=False, mlflow_uri=uri)
    folder = tmp_path / "it's a run"
    folder.mkdir()
    _train(config, folder, range(1, 3))
    longer = config.model_copy(update={"training": config.training.model_copy(update={"iterations": 77})})
    _train(longer, folder, range(3, 4))

    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("rl_cluster")
    assert experiment
    (run,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "learning/entropy")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 1.0), (3, 1.5)]
    assert run.info.run_name == folder.name
    assert run.data.params == {key: json.dumps(value) for key, value in dotted_settings(config).items()}
    changed = {key: value for key, value in run.data.tags.items() if key.startswith("rl_cluster.changed")}
    assert changed == {"rl_cluster.changed.training.iterations": "77"}


@pytest.mark.slow
def test_mlflow__that_is_down_costs_nothing_but_a_warning(
    tiny: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rl_cluster.metrics.tracking.CLOSE_PATIENCE_S", 0.5)
    config = _with_monitoring(tiny, tensorboard=True, mlflow_uri="http://127.0.0.1:9")
    _train(config, tmp_path, range(1, 4))

    assert "MLflow at http://127.0.0.1:9 has not taken the last 3 records; metrics.jsonl holds them all" in caplog.text
    assert len(_curve(tmp_path / "tensorboard", "share/env")) == 3


@pytest.mark.slow
def test_wandb__writes_files_that_can_be_sent_later(tiny: Config, tmp_path: Path) -> None:
    wandb = pytest.importorskip("wandb")
    config = _with_monitoring(tiny, tensorboard=False, wandb_mode="offline")
    _train(config, tmp_path, range(1, 3))
    wandb.teardown()  # as at the end of the process: its service flushes the file after `finish` has returned

    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    content = file.read_bytes()
    assert all(key.encode() in content for key in (*KEYS, *dotted_settings(config)))


@pytest.fixture
def keyless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has no key of W&B; gives the home."""
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_check__asks_for_a_key_before_a_tracker_would(
    tiny: Config, keyless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    online = _with_monitoring(tiny, wandb_mode="online").monitoring
    with pytest.raises(ConfigError, match=r"no key for api\.wandb\.ai; export WANDB_API_KEY, or run `wandb login`"):
        check_trackers(online)
    check_trackers(_with_monitoring(tiny, wandb_mode="offline").monitoring)

    (keyless / ".netrc").write_text("machine api.wandb.ai login user password sesame\n")
    (keyless / ".netrc").chmod(0o600)
    check_trackers(online)
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example")
    with pytest.raises(ConfigError, match=r"no key for wandb\.example"):
        check_trackers(online)
    monkeypatch.setenv("WANDB_API_KEY", "sesame")
    check_trackers(online)


def test_trackers__of_several_services_that_hang_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rl_cluster.metrics.tracking.CLOSE_PATIENCE_S", 0.5)
    is_over = threading.Event()

    def hang() -> Tracker:
        is_over.wait(60.0)
        raise OSError

    begin_s = time.monotonic()
    with Trackers({f"service {number}": hang for number in range(20)}) as trackers:
        trackers.note(Record(1, KEYS, []))
    took_s = time.monotonic() - begin_s
    is_over.set()

    assert took_s < 5.0


def test_stdin__is_empty_for_whoever_asks_while_a_run_trains() -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"an answer\n")
    before = os.dup(0)
    try:
        os.dup2(ours, 0)
        with without_stdin():
            assert os.read(0, 100) == b""
        assert os.read(0, 100) == b"an answer\n"
    finally:
        os.dup2(before, 0)
        for descriptor in (ours, theirs, before):
            os.close(descriptor)


def test_check__names_the_package_that_is_missing(tiny: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)

    check_trackers(tiny.monitoring)
    with pytest.raises(ConfigError, match="wandb is not installed; pip install"):
        check_trackers(_with_monitoring(tiny, wandb_mode="offline").monitoring)
