"""Where libraries keep what they have compiled or found: wherever this user can write.

numba refuses to compile kernels that it cannot keep, and matplotlib makes a folder of its own and says so. To be called
before either is imported; processes that are started later inherit the choice.
"""

import logging
import os
from pathlib import Path

import rl_cluster
from rl_cluster.config.user_folders import can_be_written, has_writable_home, private_folder
from rl_cluster.errors import ConfigError

__all__ = ["KERNEL_CACHE", "can_keep_kernels", "choose_caches"]

KERNEL_CACHE = "NUMBA_CACHE_DIR"
PLOT_CACHE = "MPLCONFIGDIR"
KERNELS = Path(rl_cluster.__file__).parent / "environment"

logger = logging.getLogger(__name__)


def choose_caches() -> None:
    """Chooses a private temporary folder where the usual places cannot be written.

    Raises ConfigError if not even that can be made, or if the variables name what cannot be written.
    """
    _check_given(KERNEL_CACHE)
    _check_given(PLOT_CACHE)
    if not os.environ.get(PLOT_CACHE) and not has_writable_home():
        os.environ[PLOT_CACHE] = str(private_folder() / "matplotlib")
    if not os.environ.get(KERNEL_CACHE) and not can_keep_kernels():
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


def _check_given(variable: str) -> None:
    folder = os.environ.get(variable)
    if folder and not can_be_written(Path(folder).absolute()):
        raise ConfigError(f"{variable}={folder}", "cannot be written", "name a folder that this user can write")
