"""The first signal ends a command in order, or asks a run to end; the second ends the process at once."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rl_cluster.cli import signals
from rl_cluster.cli.signals import StopRequest
from rl_cluster.training.checkpoints.checkpoint import find_checkpoint
from tests.conftest import TINY

ROOT = Path(__file__).parents[3]
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


def _python(script: str, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", script, *words], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [("SIGTERM", "SIGTERM", (143, 143)), ("SIGTERM", "SIGINT", (143, 130)), ("SIGHUP", "SIGHUP", (129, 129))],
)
def test_request__is_set_by_the_first_signal_and_the_second_ends_the_process(
    first: str, second: str, codes: tuple[int, int]
) -> None:
    ended = _python(TWICE.format(first=first, second=second))

    assert (ended.stdout, ended.returncode) == (f"asked True {codes[0]}\n", codes[1])
    assert ended.stderr == "\nstopping after this iteration; once more stops at once\n"


def test_request__gives_the_former_handlers_back() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]

    with StopRequest() as request:
        assert signal.getsignal(signal.SIGTERM) != before[1]
        assert (request.is_set(), request.exit_code) == (False, 0)

    assert [signal.getsignal(number) for number in numbers] == before


AT_IMPORT = """
import os, signal, sys

class Ends:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            {act}

sys.meta_path.insert(0, Ends())
sys.argv[0] = "rl-cluster"
from rl_cluster.cli import main
main()
"""
EVALUATE = ["evaluate", "--policy", "greedy", "--episodes", "1"]


@pytest.mark.parametrize(
    ("module", "number"),
    [
        ("rl_cluster.cli.entry", signal.SIGTERM),
        ("typer", signal.SIGINT),
        ("rl_cluster.cli.tune", signal.SIGHUP),
        pytest.param("torch", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("numba.core.config", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("rl_cluster.evaluation.scoring", signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_signal__while_anything_is_imported_is_one_line(module: str, number: signal.Signals) -> None:
    ended = _python(AT_IMPORT.format(module=module, act=f"os.kill(os.getpid(), {number:d})"), *EVALUATE)

    assert (ended.returncode, ended.stdout) == (128 + number, "")
    assert ended.stderr == f"error: ended by {number.name}; nothing was written\n"


IN_THE_MIDDLE = """
import os, signal, sys, time
from rl_cluster.cli import signals
from rl_cluster.config import load

class Swallows:
    def __del__(self):
        {act}

def act(*_):
    {body}

load.load_config = act
from rl_cluster.cli import main
main()
"""
KILL = "os.kill(os.getpid(), signal.SIGTERM)"


@pytest.mark.parametrize(
    "body",
    [
        KILL,
        "Swallows(); time.sleep(60)",
        f"try: {KILL}\n    except BaseException: pass\n    raise SystemExit(0)",
        f"try: {KILL}\n    except BaseException: raise ValueError",
        f"with signals.orderly(): {KILL}",
    ],
    ids=["plain", "in a destructor", "swallowed by a library", "made another error", "orderly"],
)
def test_signal__in_the_middle_of_a_command_is_one_line_and_never_lost(body: str) -> None:
    ended = _python(IN_THE_MIDDLE.format(act=KILL, body=body), "config", "show", "debug")

    assert (ended.returncode, ended.stdout) == (143, "")
    assert ended.stderr == "error: ended by SIGTERM; nothing was written\n"


AT_THE_END = """
import atexit, os, signal, sys
atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
from rl_cluster.cli import main
main()
"""


def test_signal__when_the_interpreter_ends_gives_no_traceback() -> None:
    ended = _python(AT_THE_END, "--version")

    assert (ended.returncode, ended.stderr) == (130, "")


IMPORTING = """
import os, signal, sys
from rl_cluster.cli import signals

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "colorsys":
            os.kill(os.getpid(), signal.SIGTERM)

signals.take_signals()
sys.meta_path.insert(0, Interrupts())
try:
    with signals.orderly():
        import colorsys
        while True: pass
except KeyboardInterrupt:
    print("whole", hasattr(sys.modules["colorsys"], "hls_to_rgb"))
"""


def test_signal__leaves_no_module_half_imported_where_something_must_be_closed() -> None:
    assert _python(IMPORTING).stdout == "whole True\n"


def test_hangup__that_is_ignored_stays_so() -> None:
    script = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + IN_THE_MIDDLE.format(
        act="pass", body="os.kill(os.getpid(), signal.SIGHUP); raise SystemExit(5)"
    )

    assert _python(script, "config", "show", "debug").returncode == 5


@pytest.mark.slow
def test_run__whose_terminal_is_gone_saves_what_it_has(tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["train", "debug", *TINY, "training.iterations=1000", "training.checkpoint_every=500", "--out", str(run)]
    process, terminal = pty.fork()
    if not process:
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "rl_cluster", *words])
    seen = b""
    while b"iteration" not in seen:
        seen += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(process, 0)

    assert os.waitstatus_to_exitcode(status) == 129
    found = find_checkpoint(run)
    lines = (run / "metrics.jsonl").read_text().splitlines()
    assert found.folder.name == f"checkpoint-{len(lines):06}"
    assert not found.damaged


@pytest.mark.slow
def test_run__whose_reader_is_gone_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["train", "debug", *TINY, "--out", str(run)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "rl_cluster", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout
        process.stdout.close()

    assert process.returncode == 0
    assert find_checkpoint(run).folder.name == "checkpoint-000002"


class _Half:
    """Cannot be deleted before it is whole."""

    part: int

    def __del__(self) -> None:
        del self.part


@pytest.mark.parametrize("taken", [None, signal.SIGTERM])
def test_object__that_an_interruption_has_left_half_made_is_not_heard_of(
    taken: signal.Signals | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", signals._raise_again)
    monkeypatch.setattr(signals._Taken, "first", taken)

    _Half()

    assert ("Exception ignored" in capsys.readouterr().err) == (taken is None)
