"""The policy that comes with the package: a tiny run is packed, then plays, is trained on, and assigns."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.documents import pretrained as packing
from benchmarks.documents.suites import SUITE_SCORES
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.environment.tasks import make_source, task_of
from rl_cluster.errors import CheckpointError
from rl_cluster.evaluation.intervals import paired_difference
from rl_cluster.evaluation.suite import EVERY_SUITE, find_suites
from rl_cluster.sampling.episodes import ModelPolicy, evaluate
from rl_cluster.training import pretrained
from rl_cluster.training.checkpoints.checkpoint import Checkpoint, find_checkpoint
from rl_cluster.training.local_engine import LocalEngine
from rl_cluster.training.loop import train
from rl_cluster.training.start import new_start

NCS = "normalized_completion_score"
SMALL = "rl_cluster/environment/scenario/shipped/small.yaml"
TINY = [
    "engine=local",
    "model.width=8",
    "model.num_heads=2",
    "model.num_layers=1",
    "training.iterations=1",
    "sampling.worlds_per_runner=2",
]
SHORT = ["sampling.fragment_steps=4", "ppo.minibatch_rows=4", "training.evaluate_every=0", "model.precision=fp32"]


@pytest.fixture(scope="module")
def run(tiny: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "run"
    train(LocalEngine(tiny), new_start(tiny, path), lambda record: None)
    return path


@pytest.fixture
def packed(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the packed run, where the package looks for its policy."""
    folder = tmp_path / "pretrained"
    packing.pack(run, folder)
    monkeypatch.setattr(pretrained, "FOLDER", folder)
    return folder


def test_load_pretrained__gives_the_weights_and_settings_of_the_run(run: Path, packed: Path, tiny: Config) -> None:
    found = pretrained.load_pretrained("allocate", 2)

    checkpoint = Checkpoint.load(find_checkpoint(run).folder)
    assert found.config == tiny
    assert found.weights.keys() == checkpoint.weights.keys()
    assert all(torch.equal(found.weights[name], checkpoint.weights[name]) for name in found.weights)
    assert found.model().state_dict().keys() == found.weights.keys()
    assert (found.card["iterations"], found.card["num_resources"], found.card["seed"]) == (2, 2, tiny.seed)
    assert (packed / pretrained.CARD_TEXT).read_text(encoding="utf-8").startswith("# The policy that comes with")


@pytest.mark.parametrize(
    ("task", "num_resources"), [("allocate", 1), ("allocate", 3), ("navigate", 1)]
)  # fmt: skip
def test_load_pretrained__names_what_it_knows(packed: Path, task: str, num_resources: int) -> None:
    with pytest.raises(CheckpointError) as caught:
        pretrained.load_pretrained(task, num_resources)

    assert str(caught.value) == (
        f"pretrained: does not know task {task} with {num_resources} kinds of resource, only task allocate with 2 "
        "kinds of resource; train a policy of your own, and name its run folder"
    )


def test_load_pretrained__says_that_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "none")

    with pytest.raises(CheckpointError, match=r"has no trained policy: .* train one with rl-cluster train quick_demo"):
        pretrained.load_pretrained("allocate", 2)


@pytest.mark.parametrize("name", [pretrained.POLICY, pretrained.CONFIG, pretrained.CARD, pretrained.CARD_TEXT])
def test_load_pretrained__refuses_a_changed_file(packed: Path, name: str) -> None:
    content = bytearray((packed / name).read_bytes())
    content[len(content) // 2] ^= 1
    (packed / name).write_bytes(content)

    with pytest.raises(CheckpointError, match=rf"{name}: is changed: .*; install the package again"):
        pretrained.load_pretrained("allocate", 2)


def test_load_pretrained__refuses_a_file_that_is_not_its_own(packed: Path) -> None:
    (packed / "more.txt").write_text("x", encoding="utf-8")

    with pytest.raises(CheckpointError, match=r"more\.txt: is not listed in manifest\.json; install the package again"):
        pretrained.load_pretrained("allocate", 2)


def test_pretrained_weights__begin_a_run_of_the_same_network(packed: Path, tiny: Config) -> None:
    start = new_start(tiny, packed.parent / "next", Path("pretrained"))

    assert start.weights is not None
    found = pretrained.load_pretrained("allocate", 2).weights
    assert all(torch.equal(start.weights[name], found[name]) for name in found)


def test_pretrained_weights__say_which_network_they_fit(packed: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"pretrained: weight .*; set model\.width=8 model\.num_heads=2 model\.num_layers=1"
    ):
        pretrained.pretrained_weights(load_config("quick_demo"))


def test_commands__evaluate_train_and_assign(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], exit_code: Callable[..., object]
) -> None:
    scores = tmp_path / "scores.json"
    play = ("evaluate", "--policy", "pretrained", "--policy", "greedy", "--episodes", "2", "--json", str(scores))
    settings = ["generator.num_uavs=[2, 3]", "generator.num_targets=[2, 3]", *TINY, *SHORT]
    begin = ("train", "quick_demo", *settings, "--weights", "pretrained", "--out", str(tmp_path / "next"))

    assert exit_code(*play) == 0
    assert exit_code(*begin) == 0
    assert exit_code("scenario", "assign", SMALL, "--policy", "pretrained", "--out", str(tmp_path / "goals.yaml")) == 0

    (group,) = json.loads(scores.read_text(encoding="utf-8"))["groups"]
    assert list(group["means"]) == ["pretrained argmax", "greedy"]
    assert list(group["differences"]) == ["pretrained argmax"]
    assert "goals chosen by pretrained argmax" in capsys.readouterr().out


def test_commands__refuse_what_it_does_not_know(packed: Path, error_line: Callable[..., str]) -> None:
    assert "does not know task navigate" in error_line(
        "evaluate", "--policy", "pretrained", "--preset", "navigate_demo"
    )


def test_commands__refuse_a_preference_that_it_was_not_trained_with(
    packed: Path, error_line: Callable[..., str]
) -> None:
    line = error_line("evaluate", "--policy", "pretrained", "--prefer", "time=2")

    assert "the policy was not trained with a preference time" in line


def test_commands__refuse_it_twice(packed: Path, error_line: Callable[..., str]) -> None:
    twice = error_line("evaluate", "--policy", "pretrained", "--policy", "pretrained")

    assert "pretrained argmax is named twice" in twice


def test_pack__refuses_weights_that_are_too_large(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MAX_POLICY_BYTES", 1000)

    with pytest.raises(CheckpointError, match=r"its weights take \d+ bytes, more than 1000; train a smaller model"):
        packing.pack(run, tmp_path / "pretrained")

    assert not (tmp_path / "pretrained").exists()


def test_pack__shows_the_scores_in_suites(run: Path, tmp_path: Path, exit_code: Callable[..., object]) -> None:
    scores = run / SUITE_SCORES
    suites = ("--suite", "demo", "--suite", "sync", "--policy", "complete-first", "--policy", "greedy")
    assert exit_code("evaluate", str(run), *suites, "--episodes", "2", "--json", str(scores)) == 0

    packing.main([str(run), "--into", str(tmp_path / "pretrained")])

    scores.unlink()
    text = (tmp_path / "pretrained" / pretrained.CARD_TEXT).read_text(encoding="utf-8")
    figures: list[dict[str, Any]] = json.loads((tmp_path / "pretrained" / pretrained.CARD).read_bytes())["figures"]
    assert [figure["suite"] for figure in figures] == ["demo v1", "sync v1"]
    assert all(f"| {figure['suite']} | 2 |" in text for figure in figures)


def test_shipped_policy__is_sound_if_there_is_one() -> None:
    """Until one is trained, the package says that it has none."""
    if (pretrained.FOLDER / "manifest.json").is_file():
        assert not pretrained.load_pretrained("allocate", 2).model().training
    else:
        with pytest.raises(CheckpointError, match="has no trained policy"):
            pretrained.load_pretrained("allocate", 2)


def test_policy_of_the_package__is_that_of_its_recipe() -> None:
    found = pretrained.load_pretrained("allocate", 2)

    assert found.config == load_config("pretrained", [f"seed={found.card['seed']}", "engine=local"])
    assert found.card["iterations"] == found.config.training.iterations
    assert found.card["training_s"] < 7200.0
    assert (pretrained.FOLDER / pretrained.POLICY).stat().st_size < pretrained.MAX_POLICY_BYTES
    assert len(found.card["figures"]) == len(find_suites([EVERY_SUITE]))


@pytest.mark.slow
def test_policy_of_the_package__leads_complete_first_on_episodes_of_the_demo() -> None:
    """By far more than its interval: NCS of complete-first is about two thirds of its own."""
    found, config = pretrained.load_pretrained("allocate", 2), load_config("quick_demo")
    source = make_source(config, 5, is_training=False)
    policy = ModelPolicy(found.model(), "argmax", trained=found.config)

    ours, theirs = (
        evaluate(one, source, config, 60)[NCS] for one in (policy, task_of(config).heuristics["complete-first"](5))
    )

    assert paired_difference(ours, theirs).low > 0.05
