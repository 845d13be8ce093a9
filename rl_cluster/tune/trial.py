"""A trial: the same settings trained with several seeds, side by side, scored as one.

One step is a round: every run continues to its next evaluation. Runs are those of `training/run.py`. On the engine
without Ray they take turns in this process; with actors of their own they train at the same time. After each round
every run saves one of our checkpoints in STUDY/trials/TRIAL/SEED; Tune's own checkpoint only names it.
"""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ray import tune

from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.errors import CheckpointError
from rl_cluster.metrics.names import AGENT_STEPS_TOTAL, STAGE
from rl_cluster.schedulers.curriculum import Mode
from rl_cluster.training.run import Record
from rl_cluster.tune.entry import objective
from rl_cluster.tune.search_space import sampled
from rl_cluster.tune.trial_run import TrialRun
from rl_cluster.tune.trial_settings import trial_config
from rl_cluster.tune.trial_store import TrialStore

__all__ = ["DIVERGED", "HELD", "ROUNDS", "SAMPLE", "SCORE", "SEED_SCORE", "STAGE_ROUNDS", "StudyTrial"]

SCORE = "score"
"""Key of the `objective` of the last evaluations of all seeds."""
SEED_SCORE = "score_seed_"
"""Prefix of a seed; the key of its last evaluation."""
ROUNDS = "rounds"
"""Key of the rounds done, including those of another trial whose checkpoint was taken over."""
SAMPLE = "sample"
"""Key of the sample that the round was trained with."""
HELD, DIVERGED = "held", "diverged"
"""Keys of the shares of seeds whose curriculum is held, and whose training diverges."""
STAGE_ROUNDS = "stage_rounds"
"""Key of the rounds that the slowest seed has spent in its stage."""
POINTER = "checkpoint.json"

logger = logging.getLogger(__name__)


class StudyTrial(tune.Trainable):
    """The trainable that Tune runs.

    Its config holds the sample and what all trials share, because a population copies it from one to another: `run`
    (settings as YAML), `study` (the name of its folder), `seeds`, `trials` (the folder of all trials), and `resumed`,
    which says how many rounds each trial has done in earlier processes.
    """

    _sample: dict[str, Any]
    _runs: list[TrialRun]
    """one for each seed"""
    _every: int
    """iterations of a round"""
    _store: TrialStore
    _saved: int
    """iteration of the last checkpoint; 0 = none"""
    _ending: ExitStack | None = None

    def setup(self, config: dict[str, Any]) -> None:
        """Makes an engine for each seed, which resumes from the trial's own last checkpoint if there is one."""
        self.cleanup()
        settings = parse_yaml(config["run"], "study")
        self._sample, seeds = sampled(config), config["seeds"]
        self._every = settings["training"]["evaluate_every"]
        self._store = TrialStore(Path(config["trials"]), str(self.trial_id), seeds)
        self._saved = 0
        with ExitStack() as ending:
            self._runs = []
            for seed, folder in zip(seeds, self._store.folders, strict=True):
                name = f"{config['study']}, trial {self.trial_id}, seed {seed}"
                run = TrialRun(
                    trial_config(config["run"], self._sample, seed), folder, name, settings["study"]["metric"]
                )
                ending.callback(run.close)
                self._runs.append(run)
            # PB2 takes a config apart and together again, and loses what is empty.
            if rounds := config.get("resumed", {}).get(self.trial_id):
                self._take_over(self._store, rounds * self._every)
            self._ending = ending.pop_all()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Prepares the process of an ended trial for the next. Tune reuses processes, which take seconds to start."""
        self.setup(new_config)
        return True

    def cleanup(self) -> None:
        """Ends the runs; Tune calls it at the end of the process."""
        if self._ending:
            self._ending.close()
            self._ending = None

    def step(self) -> dict[str, Any]:
        """Runs one round of every seed, which is saved before it is reported."""
        last = self._round()
        self._save()
        runs = [one.run for one in self._runs]
        slowest = min((run.curriculum for run in runs), key=lambda at: (at.stage, at.rounds))
        held = [run.curriculum.mode is Mode.HELD for run in runs]
        return {
            SCORE: objective([one.score for one in self._runs]),
            **{f"{SEED_SCORE}{one.config.seed}": one.score for one in self._runs},
            SAMPLE: self._sample,
            ROUNDS: runs[0].done // self._every,
            STAGE: slowest.stage,
            STAGE_ROUNDS: slowest.rounds,
            HELD: sum(held) / len(held),
            DIVERGED: sum(run.is_diverging for run in runs) / len(runs),
            "iterations": runs[0].done,
            AGENT_STEPS_TOTAL: sum(record.metrics[AGENT_STEPS_TOTAL] for record in last),
            "done": all(run.is_last for run in runs),
        }

    def _round(self) -> list[Record]:
        """The last record of each seed. Runs without actors of their own would only get in each other's way."""
        if self._runs[0].config.engine == "local":
            return [run.round() for run in self._runs]
        with ThreadPoolExecutor(len(self._runs)) as pool:
            return list(pool.map(TrialRun.round, self._runs))

    def _save(self) -> None:
        """Saves. A full disk costs no round: the trial continues, and the next round is saved."""
        try:
            self._store.save([one.run.checkpoint() for one in self._runs])
        except CheckpointError as error:
            logger.warning("%s; the trial goes on", error)
        else:
            self._saved = self._runs[0].run.done

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Names our checkpoint for Tune."""
        pointer = {"trial": self.trial_id, "iteration": self._saved}
        Path(checkpoint_dir, POINTER).write_text(json.dumps(pointer), encoding="utf-8")

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Continues from a checkpoint: this trial's own, or a better trial's, without that trial's settings."""
        pointer = json.loads(Path(checkpoint_dir, POINTER).read_text(encoding="utf-8"))
        if pointer["iteration"]:
            self._take_over(self._store.of(pointer["trial"]), pointer["iteration"])

    def _take_over(self, store: TrialStore, iteration: int) -> None:
        """Sets all seeds to the newest checkpoint up to an iteration, or to the start if there is none.

        At least one round is left: Tune asks for one, and its score is that of the trial.
        """
        configs = [run.config for run in self._runs]
        iteration = min(iteration, configs[0].training.iterations - self._every)
        for run, checkpoint in zip(self._runs, store.load(iteration, configs), strict=False):
            run.take_over(checkpoint)
        self._saved = self._runs[0].run.done
