"""Paths of the command line: read alike by every command, and no output harms what is there."""

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer.main

from rl_cluster.cli import paths
from rl_cluster.cli.entry import app
from rl_cluster.errors import ConfigError
from rl_cluster.training.files.run_names import OWN_NAMES

PATH_WORDS = ("FILE", "DIR", "RUN", "STUDY", "CHECKPOINT", "SCENARIO", "GEOJSON", "PRESET", "P")
"""What the help calls paths."""
PARSERS: tuple[Any, ...] = (
    paths.path,
    paths.output,
    paths.new_folder,
    paths.source,
    paths.cluster_folder,
    paths.place,
    paths.new_place,
)


def _commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in getattr(group, "commands", {}).items():
        yield from _commands(command, (*words, name))
    if words and not hasattr(group, "commands"):
        yield words, group


COMMANDS = dict(_commands(typer.main.get_command(app)))
PARAMETERS = [(words, parameter) for words, command in COMMANDS.items() for parameter in command.params]


def _is_path(parameter: Any) -> bool:
    annotation = str(parameter.type_descriptor.annotation)
    return "Path" in annotation or bool(set(str(parameter.metavar).split("|")) & set(PATH_WORDS))


def test_commands__take_paths_in_several_places() -> None:
    assert sum(_is_path(parameter) for _, parameter in PARAMETERS) > 20


@pytest.mark.parametrize(("words", "parameter"), PARAMETERS, ids=lambda value: getattr(value, "name", value))
def test_parameter__that_takes_a_path_is_read_as_all_paths_are(words: tuple[str, ...], parameter: Any) -> None:
    if _is_path(parameter):
        assert paths.parser_of(parameter) in PARSERS
        assert isinstance(COMMANDS[words], paths.PathCommand)
    else:
        assert paths.parser_of(parameter) not in PARSERS


@pytest.mark.parametrize(
    "parse", [paths.path, paths.output, paths.new_folder, paths.source, paths.place, paths.new_place]
)
def test_path__of_any_spelling_is_kept_but_for_the_home_folder(
    parse: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert str(parse("~/x")) == "/home/me/x"
    assert str(parse("~")) == "/home/me"
    for text in ("relative/x", "/absolute", "with space", "größe/日本", "a~b", "x/~"):
        assert str(parse(text)) == text


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("a\0b", "it holds a NUL"),
        ("a\udcff", "it is not UTF-8"),
        ("n" * 256, "it is too long"),
        ("ü" * 128, "it is too long"),
        ("d/" * 2048, "it is too long"),
    ],
)
def test_path__that_can_be_none_is_refused(parse: Callable[[str], object], text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"is no path: {words}; ") as caught:
        parse(text)
    assert len(str(caught.value)) < 400


def test_path__of_an_unknown_user_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"there is no home folder for ~nobody-of-that-name; write .*\./~nobody"):
        paths.path("~nobody-of-that-name/x")


def test_cluster_folder__is_absolute_or_in_the_home_folder_of_the_cluster() -> None:
    assert paths.cluster_folder("~/x") == "~/x"
    assert paths.cluster_folder("/mnt/x") == "/mnt/x"
    for text in ("x", "./x", "~other/x"):
        with pytest.raises(ConfigError, match="name a folder that begins with / or ~/"):
            paths.cluster_folder(text)


OUTPUTS = [(words, parameter) for words, parameter in PARAMETERS if paths.parser_of(parameter) is paths.output]
NEEDED: dict[tuple[str, ...], list[str]] = {
    ("scenario", "import"): ["a.geojson"],
    ("scenario", "assign"): ["s.yaml"],
    ("scenario", "export"): ["s.yaml"],
}


def _contents(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def precious(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a run and a study that look like ours."""
    folder = tmp_path_factory.mktemp("precious")
    for name in ("run/checkpoints/checkpoint-000001/deep", "study/trials/a", "free", "run/tensorboard"):
        (folder / name).mkdir(parents=True)
    for name in (
        "run/config.yaml", "run/metrics.jsonl", "run/status.json", "run/timeline.png", "study/study.yaml",
        "study/best.yaml", "run/checkpoints/checkpoint-000001/manifest.json",
    ):  # fmt: skip
        (folder / name).write_text(name)
    shutil.copytree(folder / "run" / "checkpoints" / "checkpoint-000001", folder / "copied")
    (folder / "free" / "link").symlink_to(folder / "run" / "checkpoints")
    (folder / "null").symlink_to("/dev/null")
    return folder


FORBIDDEN = [
    *(f"run/{name}" for name in OWN_NAMES if name not in {"checkpoints", "tensorboard"}),
    "run/checkpoints/new", "run/checkpoints/checkpoint-000001/new", "run/checkpoints/checkpoint-000001/manifest.json",
    "run/checkpoints/checkpoint-000001/deep/new", "copied/new", "free/link/new", "free/../run/config.yaml",
    "study/study.yaml", "study/best.yaml", "study/trials/new", "study/trials/a/new", "/dev/null", "/dev/full", "null",
    "run", "free", "missing/new",
]  # fmt: skip


@pytest.mark.parametrize(("words", "parameter"), OUTPUTS, ids=lambda value: getattr(value, "name", value))
def test_output__of_every_command_never_touches_what_is_not_the_users(
    words: tuple[str, ...],
    parameter: Any,
    precious: Path,
    monkeypatch: pytest.MonkeyPatch,
    error_line: Callable[..., str],
) -> None:
    monkeypatch.chdir(precious)
    before = _contents(precious)

    for name in FORBIDDEN:
        line = error_line(*words, *NEEDED.get(words, []), parameter.opts[0], name)
        assert line.startswith(f"error: {name}: "), line

    assert _contents(precious) == before


READS = [
    (words, output, read)
    for words, output in OUTPUTS
    for read in COMMANDS[words].params
    if paths.parser_of(read) in {paths.path, paths.source}
]


@pytest.mark.parametrize(("words", "output", "read"), READS, ids=lambda value: getattr(value, "name", value))
def test_output__of_every_command_is_nothing_that_it_reads(
    words: tuple[str, ...],
    output: Any,
    read: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error_line: Callable[..., str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.geojson", "s.yaml", "read"):
        Path(name).write_text(json.dumps(name))
    is_option = read.opts[0].startswith("-")
    given = [*NEEDED.get(words, []), read.opts[0], "read"] if is_option else ["read"]

    line = error_line(*words, *given, output.opts[0], "./read")

    is_storage = read.name == "storage"  # a folder, which is not replaced
    assert is_storage or "read: is also read, or written by another option; name a file of its own" in line


@pytest.mark.parametrize("words", sorted({words for words, _ in OUTPUTS}), ids=" ".join)
def test_outputs__of_a_command_differ(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error_line: Callable[..., str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = [parameter.opts[0] for other, parameter in OUTPUTS if other == words]
    for name in ("new", "-"):
        for first, second in pairwise(options):
            line = error_line(*words, *NEEDED.get(words, []), first, name, second, name)
            assert "is also read, or written by another option" in line
    assert list(tmp_path.iterdir()) == []
