"""A new user of this machine: an empty home, the commands of the installed environment, and nothing else."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

__all__ = ["Account", "Outcome", "fresh_account"]

LIMIT_S = 900
PROGRESS = re.compile(r"^((seed \d+: )?iteration \d+/|study folder: )")
"""What a training, or a study, prints when it is under way."""
EXPORT = re.compile(r"export (\w+)=(\S+)")


@dataclass(frozen=True)
class Outcome:
    """What became of a line."""

    exit_code: int
    output: str
    """stdout and stderr"""


@dataclass
class Account:
    """Whose shell runs one line after the other in `~/work`."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)
    """exported so far"""

    @property
    def work(self) -> Path:
        """The working directory."""
        return self.home / "work"

    def run(self, line: str, *, stops: bool = False, how: signal.Signals = signal.SIGTERM) -> Outcome:
        """Runs a line as it stands.

        Args:
            line: For bash.
            stops: True = it would go on for long: it gets the signal `how` as soon as it is under way.
            how: A second one never comes.
        """
        if exported := EXPORT.fullmatch(line.strip()):
            self.variables[exported[1]] = exported[2]
            return Outcome(0, "")
        lines = []
        with subprocess.Popen(
            ["bash", "-c", line], cwd=self.work, env=self._environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as process:  # fmt: skip
            assert process.stdout
            for text in process.stdout:
                lines.append(text)
                if stops and PROGRESS.search(text):
                    process.send_signal(how)
                    stops = False
            process.wait(LIMIT_S)
        return Outcome(process.returncode, "".join(lines))

    def _environment(self) -> Mapping[str, str]:
        binaries = Path(sys.executable).parent
        return {
            "HOME": str(self.home), "PATH": f"{binaries}:{os.environ['PATH']}", "TERM": "dumb", "OMP_NUM_THREADS": "1",
            **self.variables,
        }  # fmt: skip

    def end_processes(self) -> None:
        """Ends what was left running, a Ray for example."""
        left = [process for process in psutil.process_iter() if self._is_ours(process)]
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=30)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return bool(process.environ().get("HOME") == str(self.home))
        except psutil.Error:
            return False


@contextmanager
def fresh_account() -> Iterator[Account]:
    """Makes the home, and takes it away again with all that runs there."""
    account = Account(Path(tempfile.mkdtemp(prefix="rlu-", dir="/tmp")))  # short: sockets may lie in it
    account.work.mkdir()
    try:
        yield account
    finally:
        account.end_processes()
        shutil.rmtree(account.home)
