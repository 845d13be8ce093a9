"""Chooses a place that this user can write for the caches of libraries.

numba refuses to compile kernels that it cannot cache, and matplotlib makes its own folder and says so. Call these
functions before either is imported; processes that start later inherit the choice.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

import rl_cluster
from rl_cluster.config.stale_kernels import forget_stale_kernels
from rl_cluster.config.user_folders import NO_HOME, can_be_written, has_writable_home, private_folder
from rl_cluster.errors import ConfigError

__all__ = ["KERNEL_CACHE", "can_keep_kernels", "choose_kernel_cache", "choose_plot_cache", "name_home"]

KERNEL_CACHE = "NUMBA_CACHE_DIR"
PLOT_CACHE = "MPLCONFIGDIR"
KERNELS = Path(rl_cluster.__file__).parent / "environment"

logger = logging.getLogger(__name__)


def name_home() -> None:
    """Gives a user without a name a home that does not exist: a user without a home cannot import Ray."""
    if not os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 - Path.home() raises for such a user
        os.environ["HOME"] = str(NO_HOME)


def choose_plot_cache() -> None:
    """Chooses matplotlib's place. If there is none at all, matplotlib says so itself when it is needed."""
    if not os.environ.get(PLOT_CACHE) and not has_writable_home():
        with suppress(ConfigError):
            os.environ[PLOT_CACHE] = str(private_folder() / "matplotlib")


def choose_kernel_cache() -> None:
    """Chooses a private temporary folder if the usual places cannot be written.

    If they can, it makes sure that no kernel older than its sources is used.

    Raises ConfigError if not even that folder can be made, or if the variable names a place that cannot be written.
    """
    given = os.environ.get(KERNEL_CACHE)
    if given and not can_be_written(Path(given).absolute()):
        raise ConfigError(f"{KERNEL_CACHE}={given}", "cannot be written", "name a folder that this user can write")
    if not given:
        forget_stale_kernels(KERNELS, KERNELS.parent)
    if not given and not can_keep_kernels():
        folder = private_folder() / "kernels"
        os.environ[KERNEL_CACHE] = str(folder)
        if not folder.exists():
            logger.warning(
                "compiled kernels are kept in %s, for neither the package nor a home can be written: "
                "the first start on this machine compiles them, which takes minutes; export %s=DIR to keep them",
                folder,
                KERNEL_CACHE,
            )


def can_keep_kernels() -> bool:
    """True = numba finds a place by itself: beside the kernels, or in the user's cache."""
    folders = {path.parent for path in KERNELS.rglob("*.py")}
    return has_writable_home() or all(can_be_written(folder / "__pycache__") for folder in folders)
