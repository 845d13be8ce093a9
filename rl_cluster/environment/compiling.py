"""Says when kernels are being compiled, which takes minutes in which nothing else is seen.

numba compiles a kernel when it is first called, unless an earlier process has kept it. `config/caches.py` says where.
"""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from numba.core.dispatcher import Dispatcher
from numba.core.event import Event, Listener, register

__all__ = ["expect_compiling", "tell_compiling"]

NOTICE = "compiling the worlds' kernels, once for this machine; this takes a minute or two"
OWN = "rl_cluster."

logger = logging.getLogger(__name__)


class _Notice(Listener):  # type: ignore[misc]  # numba has no types
    """Logs one line when the first kernel of this package is compiled in this process."""

    is_told = False

    def tell(self) -> None:
        """Logs the line, unless that has been done."""
        if not self.is_told:
            self.is_told = True
            logger.warning(NOTICE)

    def on_start(self, event: Event) -> None:
        """Is called when a kernel is not kept, and compiling begins. Users' own kernels are none of this package."""
        kernel = event.data["dispatcher"]
        if kernel.py_func.__module__.startswith(OWN) and kernel.stats.cache_path:
            self.tell()

    def on_end(self, event: Event) -> None:
        """Is called when the kernel has been compiled."""


_notice = _Notice()


def tell_compiling() -> None:
    """Makes this process say that it compiles, once, as soon as it does."""
    register("numba:compile", _notice)


def expect_compiling(package: str) -> None:
    """Says so on behalf of other processes, whose own words nobody sees, if no kernel of a package is kept yet.

    Args:
        package: Of the kernels, all of whose modules have been imported: `rl_cluster.environment.allocate`.
    """
    kernels = list(_kernels(package))
    if kernels and not any(map(_is_kept, kernels)):
        _notice.tell()


def _kernels(package: str) -> Iterator[Dispatcher]:
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        for one in vars(sys.modules[name]).values():
            if isinstance(one, Dispatcher) and one.py_func.__module__ == name and one.stats.cache_path:
                yield one


def _is_kept(kernel: Dispatcher) -> bool:
    folder = kernel.stats.cache_path
    return folder is not None and any(Path(folder).glob(f"*.{kernel.py_func.__qualname__}-*.nbc"))
