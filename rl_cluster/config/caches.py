"""Where libraries keep what they have compiled or found: wherever this user can write.

numba refuses to compile kernels that it cannot keep, and matplotlib makes a folder of its own and says so. To be called
before either is imported; processes that are started later inherit the choice.
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
    """Gives a number without a name a home that does not exist: Ray cannot be imported by a user without one."""
    if not os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 - Path.home() raises for such a user
        os.environ["HOME"] = str(NO_HOME)


def choose_plot_cache() -> None:
    """matplotlib's place; if there is none at all, it says so itself, where it is needed."""
    if not os.environ.get(PLOT_CACHE) and not has_writable_home():
        with suppress(ConfigError):
            os.environ[PLOT_CACHE] = str(private_folder() / "matplotlib")


def choose_kernel_cache() -> None:
    """Chooses a private temporary folder where the usual places cannot be written.

    Where they can, it sees to it that no kernel is used that is older than what it was compiled from.

    Raises ConfigError if not even that can be made, or if the variable names what cannot be written.
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
