"""Reads RAY_AUTH_MODE. Ray 2.60 takes unknown and empty values for "no authentication"."""

import os

from rl_cluster.errors import ClusterError

__all__ = ["read_auth_mode"]

MODES = ("token", "disabled")


def read_auth_mode() -> str | None:
    """`token` or `disabled`; None if the variable is not set, or empty.

    Raises:
        ClusterError: It has another value.
    """
    said = os.environ.get("RAY_AUTH_MODE", "")
    if said and said.lower() not in MODES:
        what = "Ray knows `token` and `disabled`, and takes anything else for `disabled`"
        raise ClusterError(f"RAY_AUTH_MODE={said}", what, "export RAY_AUTH_MODE=token")
    return said.lower() or None
