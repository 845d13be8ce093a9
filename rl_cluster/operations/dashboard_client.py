"""Ray's dashboard client, with a limit of time and size for every answer, and control over the address and the proxy.

Ray's own client waits for ever, reads any amount, follows every redirect, uses RAY_ADDRESS instead of the given
address, and asks the proxy of http_proxy for machines that no proxy reaches, such as this one.
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
"""Seconds for a request and its whole answer."""
UPLOAD_LIMIT_S = 120.0
"""Seconds for a request that uploads the package, or that starts a job."""
MOST_ANSWER_BYTES = 4 << 20
HEARTBEAT_S = 30.0
"""Seconds between signs of life of the server that streams a job's output, which may be silent for hours."""


class StrangeAnswer(Exception):  # noqa: N818  it is reported as an error, in other words
    """The answer does not come from a Ray dashboard."""


def proxy_of(url: str, endpoint: Endpoint) -> str | None:
    """The proxy that the environment names for a URL; None for this machine, and for hosts in NO_PROXY."""
    if endpoint.is_loopback:
        return None
    proxy: str | None = select_proxy(url, get_environ_proxies(url, None))
    return proxy


class DashboardClient(JobSubmissionClient):
    """Asks the dashboard at a URL, and no other server.

    Args:
        url: The URL that `parse_dashboard` returns.
        proxy: The proxy to use; None = directly.

    Raises:
        ClusterError: The file that REQUESTS_CA_BUNDLE names holds no certificates.
    """

    def __init__(self, url: str, proxy: str | None) -> None:
        self._proxy = proxy
        self._client_ray_version = ray.__version__
        bundle = os.environ.get("REQUESTS_CA_BUNDLE") if url.startswith("https:") else None
        try:
            # Skips JobSubmissionClient's own, which would use RAY_ADDRESS, and ask for the version twice.
            SubmissionClient.__init__(self, address=url, verify=bundle or True)
        except OSError:
            what, remedy = "it holds no certificates", "name a file of certificates, or unset the variable"
            raise ClusterError(f"REQUESTS_CA_BUNDLE={bundle}", what, remedy) from None

    def _do_request(
        self, method: str, endpoint: str, *, data: bytes | None = None, json_data: Any = None, **_: Any
    ) -> requests.Response:
        """The dashboard's answer.

        Raises:
            TimeoutError: The answer was not complete within the limit.
            AuthenticationError: The dashboard wants another token.
            StrangeAnswer: The answer is too large, is compressed, or is a redirect.
            requests.exceptions.RequestException: There is no answer.
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
            session.trust_env = False  # otherwise ~/.netrc would replace the token, and proxies would be used again
            if self._proxy:
                session.proxies = {"http": self._proxy, "https": self._proxy}
            response = session.request(
                method,
                url,
                data=data,
                json=json_data,
                headers={**self._headers, "Accept-Encoding": "identity"},  # a small answer may unpack to a large one
                verify=self._verify,
                stream=True,
                allow_redirects=False,  # no other server may get the token
                timeout=limit_s,
            )
            with response:
                body = response.raw.read(MOST_ANSWER_BYTES + 1, decode_content=False)
            if len(body) > MOST_ANSWER_BYTES or response.is_redirect or "Content-Encoding" in response.headers:
                raise StrangeAnswer
            response.raw = BytesIO(body)
            return response

    async def tail_job_logs(self, job_id: str) -> AsyncIterator[str]:
        """A job's output, from its beginning, as it arrives; ends when the dashboard has no more.

        Raises:
            TimeoutError, aiohttp.ClientError: The dashboard does not answer, or no longer answers.
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
    """A proxy's URL, safe to show."""
    scheme, _, rest = proxy.rpartition("://")
    return f"{scheme or 'http'}://{rest.rpartition('@')[2]}"
