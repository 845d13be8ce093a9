"""Sends a run to a cluster as a Ray job, follows it, and stops it in a way that leaves a checkpoint.

The job uploads this package and its resolved settings, so it trains what was submitted, whatever version the nodes
have. Ray ends a stopped job after 3 s; our jobs get the time to finish an iteration and save it.
"""

import asyncio
import logging
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
from rl_cluster.extension.allowance import allowance
from rl_cluster.operations.dashboard_client import DashboardClient, StrangeAnswer, proxy_of, without_password
from rl_cluster.operations.entrypoint import SCRIPT, SCRIPT_NAME, entrypoint
from rl_cluster.operations.job_name import check_job_name, is_job_name
from rl_cluster.rllib.address import parse_dashboard
from rl_cluster.rllib.deadline import dial
from rl_cluster.rllib.token_file import check_token_file

__all__ = ["Jobs"]

STOP_GRACE_S = 120.0
"""Seconds between the request to stop and the kill."""
POLL_S = 1.0
SETTINGS = "run.yaml"
STOPPED_EXIT_CODE = 143
"""The exit code of a stopped job, as for SIGTERM."""
SAVED = re.compile(r"^checkpoint: |; go on with rl-cluster |^best settings: ", re.MULTILINE)
"""The text that a run or a study prints once there is something to resume from."""
LAST_WORDS = 1 << 16
"""The number of characters of a job's output in which that text is searched for."""
NO_AGENT = "No available agent"
MISFITS = (AttributeError, KeyError, TypeError, ValueError, RecursionError)
"""The errors that Ray's client raises for an answer without Ray's form."""
REMEDY = "see that the head runs with its dashboard, that the port is open, and that nothing else has it"


class Jobs:
    """The jobs of a cluster.

    Args:
        address: Its dashboard's address: http://HOST:8265.

    Raises:
        ClusterError: It is not such an address, nothing answers there in time, or the answer does not come from a
            dashboard, asks for another token, or comes from another version of Ray.
    """

    def __init__(self, address: str) -> None:
        logging.getLogger("ray").setLevel(logging.WARNING)  # it logs every package that it sends
        check_token_file()
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
            config: The run's settings. The job may import the callbacks that they name.
            command: `train` or `tune`.
            out: Run folder on the cluster; None = a new one in the home of the user who runs the cluster.
        """
        words = [command, SETTINGS, *(["--out", out] if out else [])]
        variables = {
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
            "RAY_JOB_STOP_WAIT_TIME_S": f"{STOP_GRACE_S:g}",
            **allowance(config.callbacks),
        }
        source = Path(rl_cluster.__file__).parent
        with tempfile.TemporaryDirectory(prefix="rlc-job-") as folder:
            package, settings = Path(folder, "package", source.name), Path(folder, "settings")
            shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
            settings.mkdir()
            (settings / SETTINGS).write_text(to_yaml(config), encoding="utf-8")
            (settings / SCRIPT_NAME).write_text(SCRIPT, encoding="utf-8")
            # Uploaded separately: a package that nodes have seen keeps its compiled kernels, whatever the settings.
            environment = {"py_modules": [str(package)], "working_dir": str(settings), "env_vars": variables}
            with self._in_words():
                job: str = self._client.submit_job(
                    entrypoint=entrypoint(words), runtime_env=environment, metadata={"run": config.name}
                )
                if not is_job_name(job):
                    raise StrangeAnswer
        return job

    def follow(self, job: str, write: Callable[[str], None]) -> int:
        """Passes on the job's output until the job ends; returns its exit code.

        A broken connection is made again, without repeating earlier output.
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
        """Has the job save its state, and waits for its end; returns its exit code.

        Raises ClusterError if the job does not end, or if it ended before there was anything to save.
        """
        check_job_name(job)
        if not self._is_over(job):
            with self._in_words():
                self._client.stop_job(job)
        deadline_s = time.monotonic() + STOP_GRACE_S + 10.0
        while not self._is_over(job):
            if time.monotonic() > deadline_s:
                raise ClusterError(f"job {job}", "it goes on", "look at its log in the dashboard")
            time.sleep(POLL_S)
        exit_code = self._exit_code(job)
        if exit_code == STOPPED_EXIT_CODE and not SAVED.search(self._last_words(job)):
            what = "it was stopped before its first iteration, and nothing is saved"
            raise ClusterError(f"job {job}", what, "submit it again")
        return exit_code

    def _is_over(self, job: str) -> bool:
        with self._in_words():
            status: JobStatus = self._client.get_job_status(job)
        return status.is_terminal()

    def _last_words(self, job: str) -> str:
        """The end of the job's output; all of it may not fit into an answer."""
        words = ""

        def keep(text: str) -> None:
            nonlocal words
            words = (words + text)[-LAST_WORDS:]

        with suppress(TimeoutError, aiohttp.ClientError):
            asyncio.run(self._tail(job, keep, 0))
        return words

    def _exit_code(self, job: str) -> int:
        with self._in_words():
            details: JobDetails = self._client.get_job_info(job)
        if details.status == JobStatus.STOPPED:
            return STOPPED_EXIT_CODE
        return int(details.driver_exit_code or (0 if details.status == JobStatus.SUCCEEDED else 1))

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """The dashboard's refusal in one line, which names the proxy if there is one."""
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
