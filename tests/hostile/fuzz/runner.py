"""Runs seeded cases in forked children, so that a crash, a hang or an overflow of memory ends but one of them.

A case takes a seed and an empty folder, and says what became of it; an `RlClusterError` is a refusal. Any other
exception is a fault. A seed is replayed by `FUZZ_SEED=<seed> pytest <file> -k <test>`, in the test's own process.
"""

import gc
import os
import resource
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NoReturn

from rl_cluster.errors import RlClusterError

__all__ = ["FEW", "MANY", "Case", "assert_no_faults"]

FEW = int(os.environ.get("FUZZ_CASES", "200"))
MANY = 10_000
BATCH = 100
"""Cases of one child: to fork takes as long as some of them."""
LIMIT_S = 20.0
LIMIT_BYTES = 1 << 30

Case = Callable[[Random, Path], object]
"""Raises RlClusterError to refuse; what it gives, as text, is counted."""


def assert_no_faults(case: Case, folder: Path, num_cases: int, least_share: float = 0.0) -> None:
    """Every seed is refused in its own words or accepted, and at least a share of each of these two.

    Args:
        case: Is given a generator of its own and a folder that is empty.
        folder: Where it is made.
        num_cases: Seeds 0, 1, ..
        least_share: Of the cases that must be accepted, and of those that must be refused: else they try nothing.
    """
    if "FUZZ_SEED" in os.environ:
        sys.stdout.write(_outcome(case, int(os.environ["FUZZ_SEED"]), folder / "case") + "\n")
        return
    outcomes, faults = Counter[str](), list[str]()
    first = 0
    while first < num_cases:
        done = _run_batch(case, range(first, min(num_cases, first + BATCH)), folder / "case")
        for seed, outcome in enumerate(done, start=first):
            outcomes[outcome.split(" ", 1)[0]] += 1
            if outcome.startswith("fault"):
                faults.append(f"seed {seed}: {outcome}")
        first += len(done)
    assert not faults, f"{len(faults)} of {num_cases}:\n" + "\n".join(faults[:20])
    assert outcomes["refused"] >= least_share * num_cases, outcomes
    assert num_cases - outcomes["refused"] >= least_share * num_cases, outcomes


def _run_batch(case: Case, seeds: range, folder: Path) -> list[str]:
    """Outcomes of the first of the seeds, up to the one that ended the child, if one did."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        _be_child(case, seeds, folder, writer)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as pipe:
        outcomes = pipe.read().split("\0")[:-1]
    _, status = os.waitpid(child, 0)
    if len(outcomes) < len(seeds):
        ended = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
        outcomes.append(f"fault: the process ended by {ended}")
    return outcomes


def _be_child(case: Case, seeds: range, folder: Path, writer: int) -> NoReturn:
    code = 1
    try:
        virtual = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (virtual + LIMIT_BYTES, virtual + LIMIT_BYTES))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        gc.freeze()  # a collection, which runs ask for, looks at what the case has made only
        for seed in seeds:
            signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
            outcome = _outcome(case, seed, folder).replace("\0", "\\0")
            os.write(writer, outcome.encode(errors="replace") + b"\0")
        code = 0
    finally:
        os._exit(code)


def _outcome(case: Case, seed: int, folder: Path) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        return f"accepted {case(Random(seed), folder)}"
    except RlClusterError as error:
        words = str(error)
        is_one_line = len(words.splitlines()) == 1 and len(words) < 3000
        return f"refused {words}" if is_one_line else f"fault: not one line: {words[:300]!r}"
    except Exception:
        if "FUZZ_SEED" in os.environ:
            raise
        return "fault: " + "".join(traceback.format_exc()[-700:])
