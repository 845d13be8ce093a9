"""Checks the machine of this process, whether or not Ray is running; each check takes milliseconds."""

import os
import resource
import shutil
from pathlib import Path

from rl_cluster.config.caches import KERNEL_CACHE, can_keep_kernels
from rl_cluster.config.scratch import scratch_file
from rl_cluster.config.user_folders import private_folder
from rl_cluster.operations.finding import Finding, failed, passed, warned
from rl_cluster.operations.gpu_checks import check_gpus

__all__ = ["check_machine", "check_storage"]

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where Ray keeps its object store
GIB = float(1 << 30)
FEW_FILES, ENOUGH_FILES = 1024, 65536
LEAST_SHARED_MEMORY_GIB = 1.0


def check_machine() -> list[Finding]:
    """Findings about shared memory, open files, places for compiled kernels, and GPUs."""
    return [_check_shared_memory(), _check_open_files(), _check_kernel_cache(), *check_gpus()]


def check_storage(folder: Path, least_free_gib: float) -> Finding:
    """Checks whether runs can be written to a folder.

    Args:
        folder: The folder for runs; it must exist on every node.
        least_free_gib: With less free space the disk counts as full.
    """
    if not folder.is_dir():
        return failed("storage", f"{folder} is no folder", "mount the shared storage there, or name another --storage")
    try:
        with scratch_file(folder) as probe:
            probe.write_bytes(b"written")
    except OSError as error:
        return failed("storage", f"{folder} cannot be written ({error.strerror})", "make it writable, or make room")
    free_gib = shutil.disk_usage(folder).free / GIB
    if free_gib < least_free_gib:
        what = f"{folder} has {free_gib:.1f} GiB free, less than {least_free_gib:g}"
        return failed("storage", what, "make room: checkpoints and spilled objects need it")
    return passed("storage", f"{folder} has {free_gib:.1f} GiB free")


def _check_shared_memory() -> Finding:
    if not SHARED_MEMORY.is_dir():
        return warned("shared memory", f"there is no {SHARED_MEMORY}", "Ray falls back to the disk: mount one")
    total_gib = shutil.disk_usage(SHARED_MEMORY).total / GIB
    if total_gib < LEAST_SHARED_MEMORY_GIB:
        what = f"{SHARED_MEMORY} holds {total_gib:.2f} GiB"
        return warned("shared memory", what, "Ray falls back to the disk: docker run --shm-size=8g, or an emptyDir")
    return passed("shared memory", f"{SHARED_MEMORY} holds {total_gib:.1f} GiB")


def _check_kernel_cache() -> Finding:
    given = os.environ.get(KERNEL_CACHE)
    if can_keep_kernels() or (given and not Path(given).is_relative_to(private_folder())):
        return passed("kernels", "compiled kernels are kept")
    what = "neither the package nor a home can be written: compiled kernels are kept in a temporary folder"
    return warned("kernels", what, f"export {KERNEL_CACHE}=DIR with a folder that lasts, on every node")


def _check_open_files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FEW_FILES:
        return failed("open files", f"a process may open {soft}", f"ulimit -n {ENOUGH_FILES} before ray start")
    if soft < ENOUGH_FILES:
        what = f"a process may open {soft}: enough for small clusters"
        return warned("open files", what, f"ulimit -n {ENOUGH_FILES} before ray start on large ones")
    return passed("open files", f"a process may open {soft}")
