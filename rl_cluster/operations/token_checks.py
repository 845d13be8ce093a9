"""Is there a token, and may nobody else read it? Who has the token can run any code on the cluster."""

import os
import stat
from pathlib import Path

from rl_cluster.operations.finding import Finding, failed, passed, warned

__all__ = ["check_token"]

DEFAULT_TOKEN = Path(os.path.expanduser("~/.ray/auth_token"))  # noqa: PTH111 - Path.home() raises without a home


def check_token() -> Finding:
    """By the environment of this process, as Ray reads it."""
    mode = os.environ.get("RAY_AUTH_MODE", "")
    if mode == "disabled":
        remedy = "export RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH=FILE, for the head and for whoever uses it"
        return warned("token", "RAY_AUTH_MODE=disabled: whoever reaches the cluster can run code on it", remedy)
    if os.environ.get("RAY_AUTH_TOKEN"):
        remedy = "write it to a file of mode 0600, and export RAY_AUTH_TOKEN_PATH"
        return warned("token", "it stands in RAY_AUTH_TOKEN, which every process of yours inherits", remedy)
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or DEFAULT_TOKEN)
    try:
        status, content = path.stat(), path.read_bytes()
    except OSError as error:
        remedy = f"(umask 077; openssl rand -hex 32 > {path}), or export RAY_AUTH_TOKEN_PATH"
        what = f"{path} cannot be read ({error.strerror})"
        return failed("token", what, remedy) if mode == "token" else warned("token", what, remedy)
    if stat.S_IMODE(status.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        what = f"{path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o})"
        return failed("token", what, f"chmod 600 {path}")
    if not content.strip():
        return failed("token", f"{path} is empty", f"openssl rand -hex 32 > {path}")
    return passed("token", f"{path} is this user's alone")
