"""The folder of a study: there as a whole or not at all, and taken up only as it was written."""

import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.errors import CheckpointError, ConfigError
from rl_cluster.tune.entry import Entry, format_entry
from rl_cluster.tune.study_folder import begin_study, check_study, find_study

pytestmark = pytest.mark.slow

WORLDS = "study.space=[{key: sampling.worlds_per_runner, low: 2, high: 4, log: false}]"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["study.metric=evaluation/ncs"], r"evaluation/ncs is no metric of it; did you mean evaluation/"),
        (["training.evaluate_every=3"], r"evaluate_every=3 does not divide the 8 iterations; trials are scored"),
        (["study.grace_rounds=5"], r"grace_rounds=5 is more than the 4 rounds of a trial; set it to 4 or less"),
        (["study.scheduler=stages"], r"stages needs a curriculum; add one, or set scheduler: asha$"),
        (["study.space=[{key: ppo.lrr, low: 1, high: 2, log: true}]"], r"ppo.lrr: is no setting; did you mean ppo.lr"),
        (["study.space=[{key: name, low: 1, high: 2, log: true}]"], r"name: is no number, and no pair"),
        (["study.space=[{key: ppo.clip, low: 1, high: 2, log: true}]"], r"with ppo.clip=1: ppo.clip: got 1.*below 1$"),
        (["study.search=pbt", "study.scheduler=none", WORLDS], r"worlds_per_runner: cannot .*; remove it from space$"),
        (["study.engine=ray", "api_stack=old"], r"api_stack=old: trials train on the new one"),
        (["api_stack=old"], r"api_stack=old: trials train on the new one; set api_stack=new$"),
    ],
)  # fmt: skip
def test_study_that_cannot_be__is_refused(
    overrides: list[str], message: str, tmp_path: Path, study_config: Callable[..., Config]
) -> None:
    with pytest.raises(ConfigError, match=message):
        begin_study(study_config(*overrides), tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("study.space=[{key: ppo.lr, low: 0.1, high: 0.1, log: true}]", r"low=0.1 is not below high=0.1; write"),
        ("study.space=[{key: ppo.lr, low: 0, high: 1, log: true}]", r"low=0 has no logarithm; raise it above 0"),
        ("study.space=[]", r"give a list of 1 to 64"),
        ("study.search=pbt", r"search=pbt decides itself who goes on; set scheduler: none$"),
        ("study.exploit=true", r"exploit is for scheduler: stages; set it to false$"),
    ],
)  # fmt: skip
def test_settings_of_a_study_that_cannot_be__are_refused(
    override: str, message: str, study_config: Callable[..., Config]
) -> None:
    with pytest.raises(ConfigError, match=message):
        study_config(override)


def test_study__is_found_as_it_was_begun(tmp_path: Path, study_config: Callable[..., Config]) -> None:
    config, folder = study_config(), tmp_path / "with spaces" / "ü #%20?&"
    assert begin_study(config, folder) == folder
    assert folder.stat().st_mode & 0o077 == 0

    assert find_study(folder, None) == find_study(folder, config) == config
    with pytest.raises(ConfigError, match=r"seed=7 is not the run's own seed=0"):
        find_study(folder, study_config("seed=7"))
    with pytest.raises(ConfigError, match=r"study\.engine=None is not the run's own study\.engine=local"):
        find_study(folder, config.model_copy(update={"study": None}))
    with pytest.raises(CheckpointError, match=r"exists already; go on with --resume '/.*choose another --out"):
        begin_study(config, folder)
    with pytest.raises(ConfigError, match="study: is null; begin from a preset that has a study, such as tune_demo"):
        check_study(load_config("debug"))


def test_path_of_any_kind__names_one_folder(
    tmp_path: Path, study_config: Callable[..., Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for number, path in enumerate(("plain", "./dot", "a/b/c", "~/home", f"{tmp_path}/absolute", "x/../up")):
        (tmp_path / "x").mkdir(exist_ok=True)
        made = begin_study(study_config(f"seed={number}"), Path(path))
        assert made.is_absolute()
        assert "~" not in str(made)
        assert find_study(Path(path), None).seed == find_study(made, None).seed == number


def test_studies_that_begin_in_the_same_second__have_folders_of_their_own(
    tmp_path: Path, study_config: Callable[..., Config]
) -> None:
    config, made = study_config(), list[Path]()

    def begin() -> None:
        made.append(begin_study(config, tmp_path / "studies" / "now", is_numbered=True))

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {path.name for path in made} == {"now", *(f"now-{number}" for number in range(2, 7))}
    assert all(find_study(path, None) == config for path in made)


Change = Callable[[Path], object]


def _as_link(name: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).rename(folder.parent / "elsewhere")
        (folder / name).symlink_to(folder.parent / "elsewhere")

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: folder.chmod(0o777), r"may be written by others; .*chmod go-w"),
        (lambda folder: folder.chmod(0o770), r"may be written by others"),
        (lambda folder: (folder / "study.yaml").unlink(), r"is no study: it has no study.yaml"),
        (lambda folder: (folder / "trials.jsonl").unlink(), r"begun by an older version: it has no trials.jsonl"),
        (_as_link("study.yaml"), r"study.yaml: is neither a plain file nor a folder"),
        (_as_link("trials.jsonl"), r"trials.jsonl: is neither a plain file nor a folder"),
        (_as_link("trials"), r"trials: is neither a plain file nor a folder"),
        (_as_link("trials/00000"), r"00000: is neither a plain file nor a folder"),
        (_as_link("trials/00000/100"), r"100: is neither a plain file nor a folder"),
        (_as_link("trials/00000/100/checkpoint-000002"), r"checkpoint-000002: is neither"),
        (_as_link("trials/00000/100/checkpoint-000002/manifest.json"), r"manifest.json: is neither"),
        (lambda folder: os.mkfifo(folder / "trials" / "pipe"), r"pipe: is neither a plain file nor a folder"),
        (lambda folder: (folder / "study.yaml").write_text("name: x"), r"study.yaml: \w+: is missing"),
        (
            lambda folder: (folder / "trials.jsonl").write_text('{"format": 9}\n'),
            r"newer version of rl_cluster \(format 9;",
        ),
    ],
)
def test_folder_that_is_not_as_it_was_written__is_refused(
    change: Change, message: str, tmp_path: Path, study_config: Callable[..., Config], entry: Callable[..., Entry]
) -> None:
    folder = begin_study(study_config(), tmp_path / "study")
    checkpoint = folder / "trials" / "00000" / "100" / "checkpoint-000002"
    checkpoint.mkdir(parents=True)
    (checkpoint / "manifest.json").write_text("{}")
    with (folder / "trials.jsonl").open("ab") as file:
        file.write(format_entry(entry()))
    find_study(folder, None)

    change(folder)

    with pytest.raises((CheckpointError, ConfigError), match=message):
        find_study(folder, None)


def test_pickles_in_a_study__are_never_read(tmp_path: Path, study_config: Callable[..., Config]) -> None:
    class Mine:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return (os.mkdir, (str(tmp_path / "was run"),))

    folder = begin_study(study_config(), tmp_path / "study")
    for name in ("search/tuner.pkl", "search/searcher-state.pkl", "trials/00000/100/state.pkl", "tuner.pkl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(pickle.dumps(Mine()))
    find_study(folder, None)
    assert not (tmp_path / "was run").exists()
