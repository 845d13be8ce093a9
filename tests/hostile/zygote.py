"""A process that has imported all that commands import, and forks itself for each case, which takes milliseconds.

It has one thread, so what it forks is as sound as a new process. Cases come as JSON lines on stdin: `words`, `cwd`,
`env`, `stdin`. An answer is a JSON line: exit code, signal, stdout, stderr, seconds, and memory in bytes beyond that
of this process.
"""

import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from rl_cluster.cli import main

__all__ = ["answer"]

LIMIT_S = 20.0
MODULES = (
    "environment.scenario.map_export", "environment.scenario.map_import", "operations.doctor", "operations.jobs",
    "evaluation.ladder_report", "cli.views.live_view", "training.loop", "evaluation.scoring", "training.start",
    "rllib.engine", "tune.study",
)  # fmt: skip
"""What commands import when they run."""
MEMORY_LIMIT_BYTES = 4 << 30
"""Address space beyond that of this process, so that a case that runs wild does not take the machine with it."""


def answer(case: Mapping[str, Any]) -> dict[str, Any]:
    """Runs a case in a fork of this process.

    Args:
        case: `words`, `cwd`, `env`, `stdin`.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
        given.write(case["stdin"].encode())
        given.seek(0)
        begin_s = time.monotonic()
        child = os.fork()
        if not child:
            _run(case, given.fileno(), out.fileno(), err.fileno())
        _, status, usage = os.wait4(child, 0)
        took_s = time.monotonic() - begin_s
        out.seek(0)
        err.seek(0)
        return {
            "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
            "stdout": out.read().decode(errors="replace"),
            "stderr": err.read().decode(errors="replace"),
            "seconds": took_s,
            "bytes": usage.ru_maxrss * 1024 - _resident_bytes(),
        }


def _run(case: Mapping[str, Any], *descriptors: int) -> NoReturn:
    """The child: becomes the command, and never comes back."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)  # its default action ends the process
    limit = _virtual_bytes() + MEMORY_LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    os.setsid()  # whatever it starts can be told from this process
    os.chdir(case["cwd"])
    os.environ.clear()
    os.environ.update(case["env"])
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode, buffering=1) for number, mode in enumerate("rww"))
    code: object = 0
    try:
        main(case["words"])
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - a fork must not come back, whatever the command raises
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _threads() -> list[str]:
    """Names of the threads beside this one. Arrow's allocator has one, and stops it for a fork."""
    tasks = [path for path in Path("/proc/self/task").iterdir() if int(path.name) != os.getpid()]
    names = [(task / "comm").read_text(encoding="ascii").strip() for task in tasks]
    return [name for name in names if name != "jemalloc_bg_thd"]


def _statm(position: int) -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[position]) * resource.getpagesize()


def _virtual_bytes() -> int:
    return _statm(0)


def _resident_bytes() -> int:
    return _statm(1)


def _serve() -> None:
    for name in MODULES:
        import_module(f"rl_cluster.{name}")
    _say({"threads": _threads()})
    for line in sys.stdin:
        _say(answer(json.loads(line)))


def _say(data: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve()
