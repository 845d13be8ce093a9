"""A study: trials on Ray Tune, then the best and the given settings again, with separate seeds.

It begins or resumes from the journal (`journal.py`); trials find their own checkpoints. The end writes STUDY/best.yaml,
a file that `train` takes. `report.py` adds tables and a plot.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ray.tune.schedulers import FIFOScheduler

from rl_cluster.config.load import to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.rllib.placement.plan import NodeResources
from rl_cluster.training.files.output_file import write_own
from rl_cluster.tune.entry import GIVEN, Entry, test_name
from rl_cluster.tune.journal import JOURNAL, Journal
from rl_cluster.tune.queue import Planned, TrialQueue
from rl_cluster.tune.result import StudyResult, in_order
from rl_cluster.tune.search_space import study_of
from rl_cluster.tune.session import Session
from rl_cluster.tune.standing import take_up

__all__ = ["BEST", "run_study"]

BEST = "best.yaml"


def _never() -> bool:
    return False


def run_study(
    config: Config,
    folder: Path,
    report: Callable[[Entry], None],
    is_stopped: Callable[[], bool] = _never,
    nodes: Sequence[NodeResources] | None = None,
) -> StudyResult:
    """Searches, or continues to search, then tests. Ray must be connected. Writes the files of the study's folder.

    Args:
        config: Settings of the study.
        folder: The study's folder, as `begin_study` has made it.
        report: Called with every trial that has ended or failed.
        is_stopped: Called again and again; True = trials end after their current round, and no more begin.
        nodes: No more trials train at a time than they hold; None = as many as the study allows.

    Raises CheckpointError if the journal of the study cannot be used, or if another process runs the study, and
    ClusterError if the nodes can never hold a trial.
    """
    folder = folder.expanduser().absolute()
    with Journal(folder / JOURNAL, config) as journal:
        session = Session(config, folder, journal, report, is_stopped, nodes)
        trials = _search(session)
        tests: tuple[Entry, ...] = ()
        is_whole = _are_over(trials, study_of(config).num_trials)
        if is_whole and trials[0].is_scored and study_of(config).test_seeds:
            tests = _test(session, trials[0])
            is_whole = _are_over(tests, 2)
    result = StudyResult(config, folder, trials, tests, is_whole)
    if result.has_winner:
        write_own(folder / BEST, to_yaml(result.recommended).encode())
    return result


def _are_over(entries: Sequence[Entry], count: int) -> bool:
    return len(entries) == count and all(entry.status != "trains" for entry in entries)


def _search(session: Session) -> tuple[Entry, ...]:
    """Runs the search; returns all trials, best first."""
    study, last = study_of(session.config), session.journal.last
    standing = take_up(session.config, session.journal)
    if waiting := len(standing.waiting):
        queue = TrialQueue(
            standing.planned(), waiting, session.num_at_once(study.num_seeds), session.is_stopped,
            lambda name, score: standing.search.tell(int(name), score),
        )  # fmt: skip
        session.run("search", study.seeds, queue, standing.scheduler)
    return in_order([entry for name, entry in sorted(last.items()) if name.isdigit()])


def _test(session: Session, best: Entry) -> tuple[Entry, ...]:
    """Tests the given and the best settings with seeds that took no part in the search."""
    study, last = study_of(session.config), session.journal.last
    samples: dict[str, Mapping[str, float]] = {GIVEN: {}, test_name(best.trial): best.sample}
    waiting = [name for name in samples if name not in last or last[name].status != "ended"]
    if waiting:
        planned = (Planned(name, samples[name]) for name in waiting)
        queue = TrialQueue(
            planned,
            len(waiting),
            session.num_at_once(study.num_test_seeds),
            session.is_stopped,
            lambda name, score: None,
        )
        session.run("test", study.test_seeds, queue, FIFOScheduler())
    return tuple(last[name] for name in samples if name in last)
