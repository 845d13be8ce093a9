"""A real object store on loopback: moto's server, a process of its own that holds everything in memory."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Thread
from typing import Any, Self
from urllib.request import Request, urlopen

__all__ = ["ObjectStore"]

REGION = "us-east-1"
MAY_READ = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}


class ObjectStore:
    """The store, with one bucket for a test.

    Args:
        url: Where it answers.
        bucket: The bucket's name.
    """

    def __init__(self, url: str, bucket: str) -> None:
        self.url, self.bucket = url, bucket
        self._clients: dict[str, Any] = {}

    @classmethod
    @contextmanager
    def serving(cls) -> Iterator[str]:
        """Starts a store on a free port, and gives its URL; it ends with the block."""
        command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            log = process.stderr
            assert log
            try:
                url = next(match[0] for line in log if (match := re.search(r"http://127\.0\.0\.1:\d+", line)))
                reader = Thread(target=log.read)  # it logs each request, and would wait for somebody who reads
                reader.start()
                yield url
            finally:
                process.kill()
            reader.join()

    def variables(self, key: str = "key", secret: str = "secret") -> dict[str, str]:
        """The environment of somebody who uses it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make(self) -> Self:
        """Makes the bucket."""
        self._client().create_bucket(Bucket=self.bucket)
        return self

    def remove(self) -> None:
        """Deletes the bucket and all that is in it."""
        for key in self._keys(""):
            self.delete(key)
        self._client().delete_bucket(Bucket=self.bucket)

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Key without the prefix -> content of the objects under it, without those that stand for empty folders."""
        client = self._client()
        return {
            key.removeprefix(prefix).lstrip("/"): client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            for key in self._keys(prefix)
            if not key.endswith("/")
        }

    def _keys(self, prefix: str) -> list[str]:
        found = self._client().list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for one in found.get("Contents", [])]

    def put(self, key: str, content: bytes) -> None:
        """Writes or replaces an object."""
        self._client().put_object(Bucket=self.bucket, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Deletes an object."""
        self._client().delete_object(Bucket=self.bucket, Key=key)

    @contextmanager
    def guarded(self) -> Iterator[dict[str, str]]:
        """Within the block the store refuses strangers; gives the environment of a user who may only read."""
        client = self._client("iam")
        client.create_user(UserName=self.bucket)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [MAY_READ]})
        client.put_user_policy(UserName=self.bucket, PolicyName="reads", PolicyDocument=policy)
        key = client.create_access_key(UserName=self.bucket)["AccessKey"]
        self._ask_for_credentials(after="0")
        try:
            yield self.variables(key["AccessKeyId"], key["SecretAccessKey"])
        finally:
            self._ask_for_credentials(after="inf")

    def _ask_for_credentials(self, after: str) -> None:
        """Sets after how many requests the store begins to check who asks."""
        header = {"Content-Type": "application/octet-stream"}
        asked = Request(f"{self.url}/moto-api/reset-auth", data=after.encode(), headers=header, method="POST")
        with urlopen(asked, timeout=10) as answer:
            answer.read()

    def _client(self, service: str = "s3") -> Any:
        if service not in self._clients:
            make = import_module("boto3").client  # takes a second, which only tests with a store wait for
            keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
            self._clients[service] = make(service, endpoint_url=self.url, region_name=REGION, **keys)
        return self._clients[service]

    def close(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            client.close()
