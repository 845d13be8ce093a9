"""What is looked at on a machine leaves no trace there, and harms nothing."""

import threading
from pathlib import Path

from rl_cluster.operations.finding import Verdict
from rl_cluster.operations.machine_checks import check_storage


def test_check_storage__writes_through_no_link_and_leaves_nothing(tmp_path: Path) -> None:
    storage, victim = tmp_path / "storage", tmp_path / "victim"
    storage.mkdir()
    victim.write_text("content")
    (storage / ".rl-cluster-doctor").symlink_to(victim)

    assert check_storage(storage, 0.0).verdict is Verdict.OK
    assert victim.read_text() == "content"
    assert [path.name for path in storage.iterdir()] == [".rl-cluster-doctor"]


def test_check_storage__of_several_doctors_at_once_disturbs_none(tmp_path: Path) -> None:
    verdicts: list[Verdict] = []

    def examine() -> None:
        verdicts.extend(check_storage(tmp_path, 0.0).verdict for _ in range(200))

    threads = [threading.Thread(target=examine) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert verdicts == [Verdict.OK] * 800
    assert list(tmp_path.iterdir()) == []
