"""The findings of checks of a machine or a cluster."""

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Finding", "Verdict", "failed", "passed", "warned"]


class Verdict(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    """runs will work, but not as well as they could"""
    FAILED = "failed"
    """runs will not work"""


class Finding(NamedTuple):
    """The result of one check on one machine."""

    check: str
    verdict: Verdict
    what: str
    remedy: str = ""
    """empty if nothing has to be done"""
    node: str = "here"


def passed(check: str, what: str) -> Finding:
    """A finding that all is well."""
    return Finding(check, Verdict.OK, what)


def warned(check: str, what: str, remedy: str) -> Finding:
    """A finding that runs will work, but not as well as they could."""
    return Finding(check, Verdict.WARNING, what, remedy)


def failed(check: str, what: str, remedy: str) -> Finding:
    """A finding that runs will not work."""
    return Finding(check, Verdict.FAILED, what, remedy)
