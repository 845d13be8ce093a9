"""Secrets in addresses: they would be printed, or saved with every checkpoint. Imports nothing that takes time."""

import re

__all__ = ["holds_secret"]

USER_INFO = re.compile(r"^[a-z][a-z0-9+.-]*://[^/?#]*@", re.IGNORECASE)
SECRET_WORDS = re.compile(r"[?&;][\w.-]*(token|secret|password|passwd|pwd|key|sig)[\w.-]*=", re.IGNORECASE)


def holds_secret(uri: object) -> bool:
    """True = an address holds a user name, a password or a token."""
    return isinstance(uri, str) and bool(USER_INFO.match(uri) or SECRET_WORDS.search(uri))
