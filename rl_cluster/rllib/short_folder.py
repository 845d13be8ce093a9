"""The place for the files of a Ray of our own: /tmp, or an equally short folder that the user chooses."""

import os
from pathlib import Path

from rl_cluster.errors import ClusterError

__all__ = ["short_folder"]

_USUAL = "/tmp"  # noqa: S108 - what is made in it is private to the user
_LONGEST_BYTES = 26
"""A socket's path must stay below 108 bytes, and Ray adds 81: `rlc-12345678/ray/session_../sockets/plasma_store`."""


def short_folder() -> Path:
    """The usual place if it can be written, whatever TMPDIR says (a job's own may be too long already), else TMPDIR.

    Raises:
        ClusterError: Neither can be written, or TMPDIR is too long.
    """
    chosen = os.environ.get("TMPDIR", "")
    for folder in (_USUAL, chosen):
        if (
            Path(folder).is_absolute()
            and len(os.fsencode(folder)) <= _LONGEST_BYTES
            and os.access(folder, os.W_OK | os.X_OK)
        ):
            return Path(folder)
    what = f"nothing can be written there, and TMPDIR={chosen!r} cannot stand in" if chosen else "cannot be written"
    remedy = f"set TMPDIR to a folder that can be written, whose path has at most {_LONGEST_BYTES} bytes"
    raise ClusterError(_USUAL, what, remedy)
