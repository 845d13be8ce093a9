"""Checks that the token that the environment names can be read. If not, Ray itself ends with a traceback."""

import os
from pathlib import Path

from rl_cluster.errors import ClusterError
from rl_cluster.rllib.authentication import read_auth_mode

__all__ = ["check_token_file"]

MAX_TOKEN_BYTES = 4096
REMEDY = "export RAY_AUTH_TOKEN_PATH=FILE with the token that the head was started with, or unset it"


def check_token_file() -> None:
    """Checks the variables that are set, and leaves the rest to Ray.

    Raises ClusterError if RAY_AUTH_TOKEN_PATH or RAY_AUTH_MODE is unusable.
    """
    mode = read_auth_mode()
    name = os.environ.get("RAY_AUTH_TOKEN_PATH")
    if name is None or mode == "disabled" or os.environ.get("RAY_AUTH_TOKEN"):
        return
    if fault := _fault(Path(name)) if name else "it is empty":
        raise ClusterError(f"RAY_AUTH_TOKEN_PATH={name}", fault, REMEDY)


def _fault(path: Path) -> str:
    """What is wrong with the file; an empty text = nothing is."""
    try:
        if not path.is_file():  # reading a pipe without a writer would never end
            return "it is no file" if path.exists() else "there is no such file"
        with path.open("rb") as file:
            token = file.read(MAX_TOKEN_BYTES + 1)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    if len(token) > MAX_TOKEN_BYTES:
        return f"the file holds more than {MAX_TOKEN_BYTES} bytes: it is no token"
    return "" if token.strip() else "the file is empty"
