"""Every path that a command takes: parses it, and makes sure that no output harms existing files.

A path option or argument names one of the parsers below, and its command is a `PathCommand`. Relative paths start from
the working directory. `~` is expanded here, because shells do not expand it in `--out=~/x`.
"""

from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from rl_cluster.config.shared_address import Place, SharedAddress, is_address
from rl_cluster.errors import ConfigError, typed

__all__ = ["PathCommand", "cluster_folder", "new_folder", "new_place", "output", "parser_of", "path", "place", "source"]

MAX_PATH_BYTES, MAX_NAME_BYTES = 4095, 255


def path(text: str | Path) -> Path:
    """A file or a folder to be read. Raises ConfigError if it cannot be a path."""
    return Path(_expanded(str(text)))


def source(text: str) -> str:
    """A name, or a file or folder to be read. Raises ConfigError if it can be neither."""
    return _expanded(text)


def output(text: str) -> Path:
    """A file to be written; `-` is standard output. Raises ConfigError if it cannot be a path."""
    return Path(_expanded(text))


def new_folder(text: str) -> Path:
    """A folder to be made. Raises ConfigError if it cannot be a path, or is an address."""
    if is_address(text):
        what = "is an address, and this is written to a folder"
        raise ConfigError(_shown(text), what, "name a folder by its path; only runs of train take s3:// and gs://")
    return Path(_expanded(text))


def place(text: str | Place) -> Place:
    """A folder to be read, or its address in shared storage. Raises ConfigError if it can be neither."""
    if isinstance(text, SharedAddress):
        return text
    words = str(text)
    return SharedAddress.parse(words) if is_address(words) else path(words)


def new_place(text: str) -> Place:
    """A folder to be made, or its address in shared storage. Raises ConfigError if it can be neither."""
    return SharedAddress.parse(text) if is_address(text) else new_folder(text)


def cluster_folder(text: str) -> str:
    """A folder on the machines of a cluster, where `~` is expanded, or an address in shared storage.

    Raises ConfigError if it is relative, or no address.
    """
    _check(text)
    if is_address(text):
        return str(SharedAddress.parse(text))
    if not text.startswith(("/", "~/")):
        what = "is relative: the job would make it in a temporary folder of its own"
        raise ConfigError(_shown(text), what, "name a folder that begins with / or ~/")
    return text


class PathCommand(TyperCommand):
    """A command whose outputs are checked against everything that it reads and writes before it does anything."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command. Raises ConfigError if it would write where it must not."""
        outputs: list[Path] = []
        folders: list[Path] = []
        reads: list[Path] = []
        for parameter in self.params:
            given = ctx.params.get(parameter.name or "")
            values = given if isinstance(given, list | tuple) else [given] if given else []
            parser = parser_of(parameter)
            if parser is output:
                outputs += values
            elif parser in {new_folder, new_place}:
                folders += (value for value in values if not isinstance(value, SharedAddress))
            elif parser in {path, place, source}:
                reads += (Path(value) for value in values if not isinstance(value, SharedAddress))
        if outputs or folders:
            from rl_cluster.training.files.output_file import check_new_folder, check_output

            for folder in folders:
                check_new_folder(folder)
            for number, one in enumerate(outputs):
                check_output(one, [*reads, *outputs[:number]])
        return super().invoke(ctx)


def parser_of(parameter: Any) -> object:
    """The function that a parameter of a command names as its `parser`; None if it names none."""
    return getattr(parameter.type_descriptor.parameter_info, "parser", None)


def _expanded(text: str) -> str:
    _check(text)
    if not text.startswith("~"):
        return text
    try:
        expanded = str(Path(text).expanduser())
    except RuntimeError:
        what = f"there is no home folder for {text.partition('/')[0]}"
        raise ConfigError(_shown(text), what, f"write {typed(f'./{text}')} if it has that name") from None
    _check(expanded)
    return expanded


def _check(text: str) -> None:
    if not text:
        raise ConfigError("''", "is no path: it is empty", "name a file or folder")
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise ConfigError(_shown(text), "is no path: it is not UTF-8", "rename the file or folder") from None
    if b"\0" in data:
        raise ConfigError(_shown(text), "is no path: it holds a NUL", "name a file or folder")
    if len(data) > MAX_PATH_BYTES or max(map(len, data.split(b"/"))) > MAX_NAME_BYTES:
        raise ConfigError(_shown(text), "is no path: it is too long", f"use names of at most {MAX_NAME_BYTES} bytes")


def _shown(text: str) -> str:
    return text[:200]
