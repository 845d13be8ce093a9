"""Packs a run's newest checkpoint as the policy that comes with the package, with a model card.

    rl-cluster train PRESET seed=0 --out RUN
    rl-cluster evaluate RUN --suite all --json RUN/suites.json
    python -m benchmarks.documents.pretrained RUN [--into FOLDER]

The card shows the scores in RUN/suites.json, if there are any. `rl_cluster/training/pretrained.py` reads the folder,
and by default that is where it goes.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.documents.markdown import table
from benchmarks.documents.suites import SUITE_SCORES
from benchmarks.report import machine
from rl_cluster.config.load import PRESETS, load_config, to_yaml
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError
from rl_cluster.metrics.names import AGENT_STEPS_TOTAL, ELAPSED_S
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.checkpoints.files import format_tensors
from rl_cluster.training.checkpoints.sealed_folder import write_sealed
from rl_cluster.training.pretrained import (
    CARD,
    CARD_TEXT,
    CONFIG,
    FOLDER,
    MAX_POLICY_BYTES,
    POLICY,
    num_resources_of,
)

__all__ = ["main", "pack"]

UPPER, LOWER = "normalized_completion_score", "satisfied_rate"


def pack(run: Path, folder: Path) -> dict[str, Any]:
    """Writes the folder, in place of one that is there; returns the model card.

    Args:
        run: Of the policy; its newest sound checkpoint counts.
        folder: To be written; its parent must exist.

    Raises:
        CheckpointError: The run cannot be read, or its weights take more than 2 MB.
    """
    checkpoint = Checkpoint.load(find_checkpoint(run).folder)
    weights = format_tensors(checkpoint.weights)
    if len(weights) > MAX_POLICY_BYTES:
        what = f"its weights take {len(weights)} bytes, more than {MAX_POLICY_BYTES}"
        raise CheckpointError(str(run), what, "train a smaller model")
    card = _card(checkpoint, run)
    files = {
        POLICY: weights,
        CONFIG: to_yaml(checkpoint.config).encode(),
        CARD: json.dumps(card, indent=2).encode() + b"\n",
        CARD_TEXT: _text(card).encode(),
    }
    write_sealed(folder, files)
    return card


def _card(checkpoint: Checkpoint, run: Path) -> dict[str, Any]:
    config, scores = checkpoint.config, run / SUITE_SCORES
    return {
        "task": config.task,
        "num_resources": num_resources_of(config),
        "run": config.name,
        "recipe": _recipe(config),
        "seed": config.seed,
        "iterations": checkpoint.iteration,
        "agent_steps": checkpoint.state[AGENT_STEPS_TOTAL],
        "training_s": checkpoint.state[ELAPSED_S],
        "packed_on": machine()["name"],
        "num_weights": sum(tensor.numel() for tensor in checkpoint.weights.values()),
        "figures": _figures(json.loads(scores.read_text(encoding="utf-8"))) if scores.is_file() else [],
    }


def _recipe(config: Config) -> str:
    """The command that trains the same again."""
    settings = [f"seed={config.seed}", f"engine={config.engine}"]
    is_preset = config.name in PRESETS and load_config(config.name, settings) == config
    return f"rl-cluster train {config.name if is_preset else CONFIG} {' '.join(settings)}"


def _figures(scores: dict[str, Any]) -> list[dict[str, Any]]:
    """The scores of the first policy that is no heuristic, suite by suite."""
    figures = []
    for suite in scores["suites"]:
        policy = next(name for name in suite["means"] if name not in suite["heuristics"])
        best, objective = suite["best_heuristic"], suite["objective"]
        figures.append(
            {
                "suite": f"{suite['name']} v{suite['version']}",
                "num_episodes": suite["num_episodes"],
                "means": {name: suite["means"][policy][name]["mean"] for name in (UPPER, LOWER)},
                "best_heuristic": best,
                "objective": objective,
                "lead": suite["differences"][policy][best][objective],
            }
        )
    return figures


def _text(card: dict[str, Any]) -> str:
    rows = [
        [
            figure["suite"],
            str(figure["num_episodes"]),
            *(f"{figure['means'][name]:.3f}" for name in (UPPER, LOWER)),
            figure["best_heuristic"],
            f"{figure['objective']} {_interval(figure['lead'])}",
        ]
        for figure in card["figures"]
    ]
    minutes = f"{card['training_s'] / 60:.0f} minutes"
    columns = ["suite", "episodes", "NCS", "satisfied rate", "best heuristic", "policy minus that, 95 % interval"]
    scores = table(columns, rows) if rows else "It was packed without scores."
    return f"""# The policy that comes with the package

It plays task `{card["task"]}` with {card["num_resources"]} kinds of resource, teams of any size. It is a network of
{card["num_weights"]} weights, which learnt in simulation alone: `evaluate --suite all` says where it can be relied on.

- Recipe: `{card["recipe"]}`, with the settings in `{CONFIG}`
- Training: {card["iterations"]} iterations, {card["agent_steps"]:.0f} agent steps, {minutes}
- Packed on {card["packed_on"]}

{scores}
"""


def _interval(lead: dict[str, float | None]) -> str:
    mean, low, high = (lead[name] for name in ("mean", "low", "high"))
    if low is None or high is None:
        return f"{mean:+.3f}"
    return f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Packs the run that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run or checkpoint folder")
    parser.add_argument("--into", type=Path, default=FOLDER, help="folder to write; by default the package's own")
    given = parser.parse_args(arguments)
    print(json.dumps(pack(given.run, given.into), indent=2))


if __name__ == "__main__":
    main()
