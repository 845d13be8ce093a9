"""The first signal only asks, the second ends the process at once."""

import signal
import subprocess
import sys

import pytest

from rl_cluster.cli.signals import StopRequest

TWICE = """
import os, signal
from rl_cluster.cli.signals import StopRequest

with StopRequest() as request:
    os.kill(os.getpid(), signal.{first})
    print("asked", request.is_set(), request.exit_code, flush=True)
    try:
        os.kill(os.getpid(), signal.{second})
    finally:
        print("not reached", flush=True)
"""


@pytest.mark.parametrize(
    ("first", "second", "codes"), [("SIGTERM", "SIGTERM", (143, 143)), ("SIGTERM", "SIGINT", (143, 130))]
)
def test_request__is_set_by_the_first_signal_and_the_second_ends_the_process(
    first: str, second: str, codes: tuple[int, int]
) -> None:
    script = TWICE.format(first=first, second=second)

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (ended.stdout, ended.returncode) == (f"asked True {codes[0]}\n", codes[1])
    assert ended.stderr == "\nstopping after this iteration; once more stops at once\n"


def test_request__gives_the_former_handlers_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    with StopRequest() as request:
        assert signal.getsignal(signal.SIGTERM) != before[1]
        assert (request.is_set(), request.exit_code) == (False, 0)

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
