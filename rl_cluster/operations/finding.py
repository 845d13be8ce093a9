"""What a check of a machine or a cluster has found."""

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Finding", "Verdict", "failed", "passed", "warned"]


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """runs will work, but not as well as they could"""
    FAILED = "failed"
    """runs will not work"""


class Finding(NamedTuple):
    """Of one check on one machine."""

    check: str
    verdict: Verdict
    what: str
    remedy: str = ""
    """empty where nothing has to be done"""
    node: str = "here"


def passed(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, what)


def warned(check: str, what: str, remedy: str) -> Finding:
    """It will work, but not as well as it could."""
    return Finding(check, Verdict.WARNING, what, remedy)


def failed(check: str, what: str, remedy: str) -> Finding:
    """It will not work."""
    return Finding(check, Verdict.FAILED, what, remedy)
