"""What may be imported although only settings name it: the user's allow-list.

Settings travel, in run folders, checkpoints and mails. What they name is imported only if the user of this process says
so outside them, in an environment variable, each time anew.
"""

import os
from collections.abc import Collection, Sequence

from rl_cluster.errors import ConfigError

__all__ = ["ALLOWED", "allowance", "allowed_imports", "check_allowed"]

ALLOWED = "RL_CLUSTER_ALLOWED_IMPORTS"
"""Environment variable: import paths, `module:Class`, with commas between them."""


def allowed_imports() -> list[str]:
    """The import paths that the user allows."""
    return [path for word in os.environ.get(ALLOWED, "").split(",") if (path := word.strip())]


def check_allowed(paths: Sequence[str], where: str, named: Collection[str] = ()) -> None:
    """Raises ConfigError for the first import path that the user has not allowed.

    Args:
        paths: Those in the settings.
        where: What messages call the settings' key.
        named: Those that the user has named otherwise, as words of the command.
    """
    allowed = allowed_imports()
    if refused := next((path for path in paths if path not in {*allowed, *named}), None):
        what = f"{refused} is not allowed: what settings name is imported only if you allow it, each time anew"
        needed = ",".join(dict.fromkeys([*allowed, *paths]))
        raise ConfigError(where, what, f"export {ALLOWED}={needed}, or omit it by callbacks=[]")


def allowance(paths: Sequence[str]) -> dict[str, str]:
    """The environment in which a process may import these."""
    return {ALLOWED: ",".join(paths)} if paths else {}
