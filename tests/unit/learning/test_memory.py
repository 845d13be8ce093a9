"""What a piece of work takes, and what there is."""

import sys
from pathlib import Path

import pytest
import torch

from rl_cluster.learning import memory
from rl_cluster.learning.memory import available_bytes, limit_memory, peak_growth_bytes

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
