"""Names of jobs. They become a part of URLs, so only names that Ray itself makes are accepted."""

import re

from rl_cluster.errors import ClusterError

__all__ = ["check_job_name", "is_job_name"]

NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


def is_job_name(name: str) -> bool:
    """True = a job may have this name."""
    return NAME.fullmatch(name) is not None


def check_job_name(name: str) -> str:
    """The name. Raises ClusterError if no job can have it."""
    if not is_job_name(name):
        remedy = "write it as submit has printed it, for example raysubmit_abc123"
        raise ClusterError(f"job {name}", "this is not the name of a job", remedy)
    return name
