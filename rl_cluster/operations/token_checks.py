"""Checks that a token is required, exists, and is private. Anyone with the token can run any code on the cluster.

Ray 2.60 knows two modes, in any case: `token` and `disabled`. It silently takes anything else, even an empty value, for
`disabled`. If the variable is not set, `ray start --head` requires a token only if it finds one, and other commands
send none.
"""

import os
import shlex
import stat
from pathlib import Path

from rl_cluster.errors import ClusterError
from rl_cluster.operations.finding import Finding, Verdict, failed, passed, warned
from rl_cluster.rllib.authentication import read_auth_mode

__all__ = ["check_token"]

LONGEST_TOKEN_BYTES = 4096
SAY_SO = "export RAY_AUTH_MODE=token, in every shell and on every node"


def check_token() -> Finding:
    """Checks the environment of this process, as Ray reads it."""
    if os.environ.get("RAY_AUTH_MODE") == "":
        return failed("token", "RAY_AUTH_MODE is empty, which is for Ray: no token", SAY_SO)
    try:
        mode = read_auth_mode()
    except ClusterError as error:
        return failed("token", f"{error.where}: {error.what}", error.remedy)
    if mode == "disabled":
        remedy = "export RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH=FILE, for the head and for whoever uses it"
        return warned("token", "RAY_AUTH_MODE=disabled: whoever reaches the cluster can run code on it", remedy)
    found = _check_kept(is_needed=mode == "token")
    if mode is None and found.verdict is Verdict.OK:
        what = "RAY_AUTH_MODE is not set: a head asks for the token only where it finds one, and others show none"
        return warned("token", what, SAY_SO)
    return found


def _check_kept(*, is_needed: bool) -> Finding:
    """Checks where the token is, and who can read it. If none is needed, a head without a token requires none."""
    if os.environ.get("RAY_AUTH_TOKEN"):
        remedy = "write it to a file of mode 0600, and export RAY_AUTH_TOKEN_PATH"
        return warned("token", "it stands in RAY_AUTH_TOKEN, which every process of yours inherits", remedy)
    # Path.home() raises if the user has no home.
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or os.path.expanduser("~/.ray/auth_token"))  # noqa: PTH111 - Path.home() raises without one
    return _check_file(path, is_needed)


def _check_file(path: Path, is_needed: bool) -> Finding:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return failed("token", f"{path} is no file", _make(path))
        with path.open("rb") as file:
            content = file.read(LONGEST_TOKEN_BYTES)
    except OSError as error:
        what = f"{path} cannot be read ({error.strerror})"
        if is_needed:
            return failed("token", what, _make(path))
        return warned("token", f"{what}, so a head that starts now asks for no token", _make(path))
    if stat.S_IMODE(status.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        what = f"{path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o})"
        return failed("token", what, f"chmod 600 {shlex.quote(str(path))}")
    if not content.strip():
        return failed("token", f"{path} is empty", _make(path))
    return passed("token", f"{path} is this user's alone")


def _make(path: Path) -> str:
    """Commands for an account that has no token yet."""
    folder, file = shlex.quote(str(path.parent)), shlex.quote(str(path))
    return f"mkdir -p {folder} && (umask 077 && openssl rand -hex 32 > {file}) && export RAY_AUTH_MODE=token"
