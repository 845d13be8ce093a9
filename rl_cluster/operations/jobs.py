"""Sends a run to a cluster as a Ray job, follows it, and stops it in a way that leaves a checkpoint.

The job brings this package and its resolved settings along: what is trained is what was submitted, whatever version the
nodes have. Ray ends a stopped job after 3 s; ours get the time to finish an iteration and to save it.
"""

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import ray
import requests
from ray.exceptions import AuthenticationError
from ray.job_submission import JobDetails, JobStatus

import rl_cluster
from rl_cluster.config.load import to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.errors import ClusterError
from rl_cluster.operations.dashboard_client import DashboardClient, StrangeAnswer, proxy_of, without_password
from rl_cluster.operations.entrypoint import SCRIPT, SCRIPT_NAME, entrypoint
from rl_cluster.operations.job_name import check_job_name, is_job_name
from rl_cluster.rllib.address import parse_dashboard
from rl_cluster.rllib.authentication import read_auth_mode
from rl_cluster.rllib.deadline import dial

__all__ = ["Jobs"]

STOP_GRACE_S = 120.0
"""Between the request to stop and the kill."""
POLL_S = 1.0
SETTINGS = "run.yaml"
STOPPED_EXIT_CODE = 143
"""Of a job that was stopped: that of SIGTERM."""
NO_AGENT = "No available agent"
MISFITS = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
"""What Ray's client raises of an answer that is not made as Ray's are."""
REMEDY = "see that the head runs with its dashboard, that the port is open, and that nothing else has it"


class Jobs:
    """The jobs of a cluster.

    Args:
        address: Of its dashboard: http://HOST:8265.

    Raises:
        ClusterError: It is no such address, nothing answers there in time, or what answers is no dashboard, asks for
            another token, or is of a Ray of another version.
    """

    def __init__(self, address: str) -> None:
        logging.getLogger("ray").setLevel(logging.WARNING)  # it tells of every package that it sends
        read_auth_mode()
        self._address, endpoint = parse_dashboard(address)
        self._proxy = proxy_of(self._address, endpoint)
        if not self._proxy:
            dial(endpoint, f"address {self._address}", REMEDY)
        with self._in_words():
            self._client = DashboardClient(self._address, self._proxy)
            answer = self._client._do_request("GET", "/api/version")  # noqa: SLF001 - its get_version is of the API
            version = str(answer.json()["ray_version"])[:20]
        if version != ray.__version__:
            what = f"the cluster runs Ray {version}, this is Ray {ray.__version__}"
            raise ClusterError(
                f"address {self._address}", what, f"pip install 'ray=={version}' here, or submit from the head"
            )

    def submit(self, config: Config, command: str, out: str | None) -> str:
        """Sends a run; returns the job's id.

        Args:
            config: Of the run.
            command: `train` or `tune`.
            out: Run folder on the cluster; None = a new one in the home of the user that the cluster runs as.
        """
        words = [command, SETTINGS, *(["--out", out] if out else [])]
        variables = {
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
            "RAY_JOB_STOP_WAIT_TIME_S": f"{STOP_GRACE_S:g}",
        }
        source = Path(rl_cluster.__file__).parent
        with tempfile.TemporaryDirectory(prefix="rlc-job-") as folder:
            package, settings = Path(folder, "package", source.name), Path(folder, "settings")
            shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
            settings.mkdir()
            (settings / SETTINGS).write_text(to_yaml(config), encoding="utf-8")
            (settings / SCRIPT_NAME).write_text(SCRIPT, encoding="utf-8")
            # Apart from each other: a package that nodes have seen keeps its compiled kernels, whatever the settings.
            environment = {"py_modules": [str(package)], "working_dir": str(settings), "env_vars": variables}
            with self._in_words():
                job: str = self._client.submit_job(
                    entrypoint=entrypoint(words), runtime_env=environment, metadata={"run": config.name}
                )
                if not is_job_name(job):
                    raise StrangeAnswer
        return job

    def follow(self, job: str, write: Callable[[str], None]) -> int:
        """Hands on what the job prints, until it ends; its exit code.

        A connection that breaks is made again, and what has been handed on is left out.
        """
        check_job_name(job)
        written = 0

        def count(text: str) -> None:
            nonlocal written
            written += len(text)
            write(text)

        while not self._is_over(job):
            try:
                asyncio.run(self._tail(job, count, written))
            except (TimeoutError, aiohttp.ClientError):  # the connection has broken: ask again
                time.sleep(POLL_S)
            else:
                break
        while not self._is_over(job):
            time.sleep(POLL_S)
        return self._exit_code(job)

    async def _tail(self, job: str, write: Callable[[str], None], skipped: int) -> None:
        async for text in self._client.tail_job_logs(job):
            write(text[skipped:])
            skipped = max(0, skipped - len(text))

    def stop(self, job: str) -> int:
        """Has the job save what it has, and waits for its end; its exit code. Raises ClusterError if it goes on."""
        check_job_name(job)
        if not self._is_over(job):
            with self._in_words():
                self._client.stop_job(job)
        deadline_s = time.monotonic() + STOP_GRACE_S + 10.0
        while not self._is_over(job):
            if time.monotonic() > deadline_s:
                raise ClusterError(f"job {job}", "it goes on", "look at its log in the dashboard")
            time.sleep(POLL_S)
        return self._exit_code(job)

    def _is_over(self, job: str) -> bool:
        with self._in_words():
            status: JobStatus = self._client.get_job_status(job)
        return status.is_terminal()

    def _exit_code(self, job: str) -> int:
        with self._in_words():
            details: JobDetails = self._client.get_job_info(job)
        if details.status == JobStatus.STOPPED:
            return STOPPED_EXIT_CODE
        return int(details.driver_exit_code or (0 if details.status == JobStatus.SUCCEEDED else 1))

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Whatever the dashboard says no to, in one line; the proxy that stands between is named."""
        where, by = f"address {self._address}", ""
        if self._proxy:
            by = f", asked through the proxy {without_password(self._proxy)} of http_proxy (NO_PROXY goes past it)"
        try:
            yield
        except AuthenticationError:
            remedy = "export RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH=FILE with the token that it was started with"
            raise ClusterError(where, f"the cluster asks for another token{by}", remedy) from None
        except (requests.exceptions.JSONDecodeError, StrangeAnswer):
            raise ClusterError(where, f"what answers there is no dashboard of Ray{by}", REMEDY) from None
        except (requests.exceptions.RequestException, ConnectionError, TimeoutError) as error:
            what = f"the dashboard does not answer ({type(error).__name__}){by}"
            raise ClusterError(where, what, REMEDY) from None
        except MISFITS:
            raise ClusterError(where, f"what answers there is no dashboard of Ray{by}", REMEDY) from None
        except RuntimeError as error:
            words = str(error).strip().partition("\n")[0][:300]
            if NO_AGENT in words:
                what, remedy = "no node's agent answers", "another Ray has its port 52365: see rl-cluster doctor"
                raise ClusterError(where, what, remedy) from None
            raise ClusterError(
                where, f"{words}{by}", "see rl-cluster doctor --address, and the job in the dashboard"
            ) from None
