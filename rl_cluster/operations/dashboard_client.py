"""Ray's client of a dashboard, with a limit of time and size for every answer, and a say in whom it asks, and how.

Ray's own waits for ever, reads whatever comes, follows wherever it is sent, goes to RAY_ADDRESS instead of the address
that it is given, and asks the proxy of http_proxy for machines that no proxy reaches, this one among them.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import ray
import requests
from ray._private.authentication.http_token_authentication import format_authentication_http_error
from ray.dashboard.modules.dashboard_sdk import SubmissionClient
from ray.exceptions import AuthenticationError
from ray.job_submission import JobSubmissionClient
from requests.utils import get_environ_proxies, select_proxy

from rl_cluster.errors import ClusterError
from rl_cluster.rllib.address import Endpoint
from rl_cluster.rllib.deadline import within

__all__ = ["DashboardClient", "StrangeAnswer", "proxy_of", "without_password"]

ANSWER_LIMIT_S = 10.0
"""For a question and all of its answer."""
UPLOAD_LIMIT_S = 120.0
"""For a question that brings the package along, or has a job started."""
MOST_ANSWER_BYTES = 4 << 20
HEARTBEAT_S = 30.0
"""Between signs of life of whoever tells what a job prints, which may be nothing for hours."""


class StrangeAnswer(Exception):  # noqa: N818  it is told as one, in words of its own
    """What answers is no dashboard of Ray."""


def proxy_of(url: str, endpoint: Endpoint) -> str | None:
    """The proxy that the environment names for a URL; None for this machine, and for whom NO_PROXY names."""
    if endpoint.is_loopback:
        return None
    proxy: str | None = select_proxy(url, get_environ_proxies(url, None))
    return proxy


class DashboardClient(JobSubmissionClient):
    """Asks the dashboard at a URL, and nobody else.

    Args:
        url: As `parse_dashboard` gives it.
        proxy: Through which it is asked; None = directly.

    Raises:
        ClusterError: The file that REQUESTS_CA_BUNDLE names holds no certificates.
    """

    def __init__(self, url: str, proxy: str | None) -> None:
        self._proxy = proxy
        self._client_ray_version = ray.__version__
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") if url.startswith("https:") else None
        try:
            # Past JobSubmissionClient's own, which would go to RAY_ADDRESS, and ask for the version twice.
            SubmissionClient.__init__(self, address=url, verify=bundle or True)
        except OSError:
            what, remedy = "it holds no certificates", "name a file of certificates, or unset the variable"
            raise ClusterError(f"REQUESTS_CA_BUNDLE={bundle}", what, remedy) from None

    def _do_request(
        self, method: str, endpoint: str, *, data: bytes | None = None, json_data: Any = None, **_: Any
    ) -> requests.Response:
        """What the dashboard answers.

        Raises:
            TimeoutError: Not all of it has come within the limit.
            AuthenticationError: It wants another token.
            StrangeAnswer: It is too large, is packed, or sends elsewhere.
            requests.exceptions.RequestException: There is none.
        """
        is_question = data is None and json_data is None
        limit_s = ANSWER_LIMIT_S if is_question else UPLOAD_LIMIT_S
        response = within(limit_s, lambda: self._ask(method, self._address + endpoint, limit_s, data, json_data))
        refusal = format_authentication_http_error(response.status_code, response.text)
        if refusal:
            raise AuthenticationError(refusal)
        return response

    def _ask(self, method: str, url: str, limit_s: float, data: bytes | None, json_data: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False  # else ~/.netrc would replace the token, and proxies come in again
            if self._proxy:
                session.proxies = {"http": self._proxy, "https": self._proxy}
            response = session.request(
                method,
                url,
                data=data,
                json=json_data,
                headers={**self._headers, "Accept-Encoding": "identity"},  # a little may unpack into a lot
                verify=self._verify,
                stream=True,
                allow_redirects=False,  # the token is for nobody else
                timeout=limit_s,
            )
            with response:
                body = response.raw.read(MOST_ANSWER_BYTES + 1, decode_content=False)
            if len(body) > MOST_ANSWER_BYTES or response.is_redirect or "Content-Encoding" in response.headers:
                raise StrangeAnswer
            response.raw = BytesIO(body)
            return response

    async def tail_job_logs(self, job_id: str) -> AsyncIterator[str]:
        """What a job prints, from its beginning, as it comes; ends when the dashboard has no more.

        Raises:
            TimeoutError, aiohttp.ClientError: The dashboard does not answer, or not any more.
        """
        context = True if self._ssl_context is None else self._ssl_context
        url = f"{self._address}/api/jobs/{job_id}/logs/tail"
        async with aiohttp.ClientSession(headers=self._headers) as session:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                socket = await session.ws_connect(url, ssl=context, proxy=self._proxy, heartbeat=HEARTBEAT_S)
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    yield message.data
                elif message.type == aiohttp.WSMsgType.ERROR:
                    raise aiohttp.ClientConnectionError("the connection has broken")
            if socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE:
                raise aiohttp.ClientConnectionError("the connection has ended")


def without_password(proxy: str) -> str:
    """A proxy's URL, as it may be shown."""
    scheme, _, rest = proxy.rpartition("://")
    return f"{scheme or 'http'}://{rest.rpartition('@')[2]}"
