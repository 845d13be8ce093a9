"""What a piece of work takes, and what there is."""

import sys
from pathlib import Path

import pytest
import torch

from rl_cluster.learning import memory
from rl_cluster.learning.memory import available_bytes, empty_cache, is_crowded, limit_memory, peak_growth_bytes

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
MIB = 1 << 20

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not forget a process's peak")


def fill_and_drop(size_mib: int) -> None:
    torch.ones(size_mib * MIB // 4)


@linux
@pytest.mark.parametrize("size_mib", [64, 16, 128])
def test_peak_growth__is_what_was_held_at_once_however_often(size_mib: int) -> None:
    for _ in range(2):
        grown_mib = peak_growth_bytes(lambda: fill_and_drop(size_mib), CPU) / MIB

        assert size_mib - 2 < grown_mib < size_mib + 8


@linux
def test_peak_growth__of_nothing_is_nearly_nothing() -> None:
    assert peak_growth_bytes(lambda: None, CPU) < MIB


@linux
def test_peak_growth__elsewhere_counts_from_the_largest_so_far(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_RESET", tmp_path / "missing")
    peak_growth_bytes(lambda: fill_and_drop(256), CPU)

    assert peak_growth_bytes(lambda: fill_and_drop(32), CPU) == 0
    assert peak_growth_bytes(lambda: fill_and_drop(400), CPU) > 100 * MIB


@pytest.mark.parametrize(
    ("free", "share", "expected"),
    [(21, 0.8, False), (20, 0.8, False), (19, 0.8, True), (0, 1.0, False), (0, 0.99, True), (100, 0.01, False)],
)
def test_gpu__is_crowded_if_more_than_the_share_is_taken(free: int, share: float, *, expected: bool) -> None:
    assert is_crowded(free, 100, share) == expected


def test_cache__of_a_cpu_is_never_emptied() -> None:
    assert not empty_cache(CPU, 1e-6)


def test_available__is_within_the_machine() -> None:
    assert 64 * MIB < available_bytes(CPU) < 1 << 50


def test_available__is_no_more_than_the_control_group_leaves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text(f"{100 * MIB}\n")
    (tmp_path / "memory.current").write_text(f"{60 * MIB}\n")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    assert available_bytes(CPU) == 40 * MIB

    (tmp_path / "memory.max").write_text("max\n")
    assert available_bytes(CPU) > 40 * MIB


def test_available__elsewhere_is_the_machines_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_MACHINE", tmp_path / "missing")

    assert available_bytes(CPU) > 256 * MIB


def test_limit__lets_cpus_be() -> None:
    limit_memory(CPU, 0.5)
