"""The policy that comes with the package, so that an installation plays, and trains on, without training first.

Its folder is sealed (`sealed_folder.py`): the sha256 of every file is checked before it is parsed. It is not a
checkpoint: it holds the weights, the settings that they were trained with, and a model card, for people and as JSON.
`python -m benchmarks.documents.pretrained RUN` writes it from a run.
"""

from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from rl_cluster.config.json_file import parse_json
from rl_cluster.config.load import validated
from rl_cluster.config.schema import Config
from rl_cluster.config.yaml_file import parse_yaml
from rl_cluster.environment.tasks import make_source
from rl_cluster.errors import CheckpointError, typed
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.sampling.network import make_model
from rl_cluster.training.checkpoints.content import weights_fault
from rl_cluster.training.checkpoints.files import Unreadable, parse_tensors
from rl_cluster.training.checkpoints.migrations import migrated_weights
from rl_cluster.training.checkpoints.sealed_folder import FORMAT_VERSION, MANIFEST, Damage, Newer, Sealed, read_sealed

__all__ = [
    "CARD",
    "CARD_TEXT",
    "CONFIG",
    "FOLDER",
    "MAX_POLICY_BYTES",
    "POLICY",
    "PRETRAINED",
    "Pretrained",
    "load_pretrained",
    "num_resources_of",
    "pretrained_weights",
]

PRETRAINED = "pretrained"
"""The word by which commands name it, where they take a heuristic or a run."""
FOLDER = Path(__file__).parents[1] / PRETRAINED
"""Where the package has it."""
POLICY, CONFIG, CARD, CARD_TEXT = "policy.safetensors", "config.yaml", "card.json", "card.md"
MAX_POLICY_BYTES = 2_000_000
"""The most that the weights take, and with the header of any of the other files the most that it takes."""


class Pretrained(NamedTuple):
    """The policy that comes with the package."""

    config: Config
    """The settings that it was trained with."""
    weights: dict[str, Tensor]
    """`TransformerGNN.state_dict()`"""
    card: dict[str, Any]
    """The model card: run, seed, iterations, figures."""

    def model(self) -> TransformerGNN:
        """The network, ready to play."""
        model = make_model(self.config)
        model.load_state_dict(self.weights)
        return model.eval()


def load_pretrained(task: str, num_resources: int) -> Pretrained:
    """The policy that comes with the package, for worlds of this task with so many kinds of resource.

    Raises:
        CheckpointError: The installation has none, it is damaged, or it is for another task or number of kinds.
    """
    found = _load(FOLDER)
    known = num_resources_of(found.config)
    if (task, num_resources) != (found.config.task, known):
        what = f"does not know {_words(task, num_resources)}, only {_words(found.config.task, known)}"
        raise CheckpointError(PRETRAINED, what, "train a policy of your own, and name its run folder")
    return found


def num_resources_of(config: Config) -> int:
    """Kinds of resource in the worlds of a run."""
    return make_source(config, config.seed, is_training=False).sizes.num_resources


def _words(task: str, num_resources: int) -> str:
    return f"task {task} with {num_resources} kinds of resource"


def pretrained_weights(config: Config) -> dict[str, Tensor]:
    """What a run of these settings begins with.

    Raises CheckpointError as `load_pretrained`, or if the run's network has another form.
    """
    found = load_pretrained(config.task, num_resources_of(config))
    if what := weights_fault(make_model(config).state_dict(), found.weights):
        own = found.config.model
        remedy = f"set model.width={own.width} model.num_heads={own.num_heads} model.num_layers={own.num_layers}"
        raise CheckpointError(PRETRAINED, what, remedy)
    return found.weights


def _load(folder: Path) -> Pretrained:
    if not (folder / MANIFEST).is_file():
        train = typed("rl-cluster", "train", "quick_demo")
        what = f"this installation has no trained policy: there is no {folder / MANIFEST}"
        raise CheckpointError(PRETRAINED, what, f"train one with {train}, and name its run folder")
    numbers: list[int] = []
    try:
        files = read_sealed(folder, lambda sealed: numbers.append(_checked_number(sealed)))
        return _parse(folder, files, numbers[0])
    except Newer as newer:
        raise CheckpointError(str(newer.where), newer.what, newer.remedy) from newer
    except Damage as damage:
        raise CheckpointError(str(damage.where), damage.what, "install the package again") from damage


def _checked_number(sealed: Sealed) -> int:
    """The number of the folder's format. Raises Damage if a file is missing or needs too much memory."""
    expected = {POLICY, CONFIG, CARD, CARD_TEXT}
    for name in sorted(sealed.num_bytes.keys() ^ expected):
        what = "is missing" if name in expected else "does not belong to a pretrained policy"
        raise Damage(sealed.folder / name, what)
    for name, num_bytes in sealed.num_bytes.items():
        if num_bytes > MAX_POLICY_BYTES:
            raise Damage(sealed.folder / name, f"has {num_bytes} bytes, more than {MAX_POLICY_BYTES}")
    return sealed.number


def _parse(folder: Path, files: dict[str, bytes], number: int) -> Pretrained:
    """Raises Damage, or ConfigError, if a file is not what `pack` writes."""
    config = validated(parse_yaml(files[CONFIG].decode(), CONFIG), str(folder / CONFIG))
    try:
        weights = parse_tensors(files[POLICY])
    except Unreadable as error:
        raise Damage(folder / POLICY, f"cannot be parsed: {error}") from error
    weights = weights if number == FORMAT_VERSION else migrated_weights(config, weights)
    if what := weights_fault(make_model(config).state_dict(), weights):
        raise Damage(folder / POLICY, what)
    return Pretrained(config, weights, parse_json(files[CARD].decode(), str(folder / CARD)))
