"""Where the search of a study stands, rebuilt from its journal: nothing here needs a running Ray."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ray.tune.schedulers import TrialScheduler

from rl_cluster.config.schema import Config
from rl_cluster.tune.entry import trial_name
from rl_cluster.tune.journal import Journal
from rl_cluster.tune.queue import Planned
from rl_cluster.tune.scheduling import make_scheduler, recall
from rl_cluster.tune.search import Search, make_search
from rl_cluster.tune.search_space import searched, study_of

__all__ = ["Standing", "take_up"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A scheduler and a search that know all earlier trials, and the trials that are left."""

    config: Config
    journal: Journal
    scheduler: TrialScheduler
    search: Search
    waiting: Sequence[str]
    """Names of the trials that are left: begun ones first, then new ones."""

    def planned(self) -> Iterator[Planned]:
        """The trials that are left, one by one. Trials that have begun keep their sample."""
        begun = {name: self.journal.last[name].sample for name in self.waiting if name in self.journal.last}
        for name in self.waiting:
            sample = begun[name] if name in begun else self.search.ask(int(name))
            yield Planned(name, searched(self.config, sample))


def take_up(config: Config, journal: Journal) -> Standing:
    """Tells a new scheduler and a new search everything in the journal.

    Trials that the scheduler would have ended are recorded as ended.
    """
    study, scheduler, last = study_of(config), make_scheduler(config), journal.last
    names = [trial_name(number) for number in range(study.num_trials)]
    for name in sorted(recall(scheduler, (entry for entry in journal.entries if entry.trial.isdigit()))):
        if last[name].status == "trains":
            journal.note(last[name].model_copy(update={"status": "ended"}))
    known = [name for name in names if name in last]
    unfinished = [name for name in known if last[name].status != "ended"]
    search = make_search(study, config.seed, len(known))
    for name in sorted(known, key=lambda name: last[name].status != "ended"):  # trials that still train come last
        score = last[name].score or 0.0 if last[name].status == "ended" else None
        search.recall(int(name), last[name].sample, score)
    return Standing(config, journal, scheduler, search, [*unfinished, *(name for name in names if name not in last)])
