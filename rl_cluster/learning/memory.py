"""Memory of this process: how much is available, and how much a piece of work takes at its peak.

On a GPU, torch's allocator measures it. On a CPU it is resident memory. Linux reports its peak and can reset it;
elsewhere only the largest value so far is known, and work that stays below it seems to take none.
"""

import contextlib
import ctypes
import gc
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import torch

__all__ = ["available_bytes", "empty_cache", "is_crowded", "limit_memory", "peak_growth_bytes"]

KIB = 1024
_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_MACHINE = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def limit_memory(device: torch.device, share: float) -> None:
    """Limits this process to a share of a GPU's memory; beyond it torch raises OutOfMemoryError. CPUs have no limit."""
    if device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(share, device)


def available_bytes(device: torch.device) -> int:
    """Memory that this process could still take: free memory, and GPU memory that torch holds without using it."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    if not _MACHINE.exists():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([_fields_kib(_MACHINE)["MemAvailable"] * KIB, *_room_in_group()])


def empty_cache(device: torch.device, share: float) -> bool:
    """Frees what torch's allocator holds of a GPU without using it, if the GPU is crowded; returns whether it did.

    The memory is needed again at the next update, and to allocate it takes time: this is for GPUs that are shared.
    """
    if device.type != "cuda" or not is_crowded(*torch.cuda.mem_get_info(device), share):
        return False
    torch.cuda.empty_cache()
    return True


def is_crowded(free_bytes: int, total_bytes: int, share: float) -> bool:
    """Whether more than this share of the memory is taken, by any process; never if the share is 1."""
    return share < 1.0 and free_bytes < (1.0 - share) * total_bytes


def _room_in_group() -> list[int]:
    """What the limit of this process's control group leaves, if there is one."""
    with contextlib.suppress(OSError, ValueError):
        limit = int((_GROUP / "memory.max").read_text(encoding="ascii"))
        return [max(0, limit - int((_GROUP / "memory.current").read_text(encoding="ascii")))]
    return []


def peak_growth_bytes(work: Callable[[], None], device: torch.device) -> int:
    """The peak growth of memory during the work. Raises torch.OutOfMemoryError if a GPU's memory runs out."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        work()
        return torch.cuda.max_memory_allocated(device) - before
    before = _begin_anew()
    work()
    return max(0, _peak_bytes() - before)


def _begin_anew() -> int:
    """Returns free pages to the system, so that work cannot hide in them, and resets the peak. Returns resident bytes.

    Garbage is collected first; collected during the work, it would make room for it.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # malloc_trim is glibc's
        ctypes.CDLL(None).malloc_trim(0)
    if not _RESET.exists():
        return _peak_bytes()
    _RESET.write_text("5", encoding="ascii")
    return _fields_kib(_STATUS)["VmRSS"] * KIB


def _peak_bytes() -> int:
    if _RESET.exists():
        return _fields_kib(_STATUS)["VmHWM"] * KIB
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * KIB


def _fields_kib(path: Path) -> dict[str, int]:
    """Name -> KiB of all lines `name: number kB`."""
    lines = [line.split() for line in path.read_text(encoding="ascii", errors="replace").splitlines()]
    return {words[0].removesuffix(":"): int(words[1]) for words in lines if words[-1:] == ["kB"]}
