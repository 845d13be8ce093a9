"""The setting `callbacks`: import paths of users' code. `extension/allowance.py` says when they are imported."""

from typing import Annotated

from pydantic import AfterValidator, Field

from rl_cluster.extension.import_path import is_import_path

__all__ = ["CallbackPaths"]


def _check_path(path: str) -> str:
    if not is_import_path(path):
        raise ValueError(f"{path} is no import path; write module:Class, as my_package.mine:StopEarly")
    return path


def _check_once(paths: tuple[str, ...]) -> tuple[str, ...]:
    if twice := next((path for number, path in enumerate(paths) if path in paths[:number]), None):
        raise ValueError(f"names {twice} twice; name each callback once")
    return paths


CallbackPaths = Annotated[
    tuple[Annotated[str, Field(max_length=200), AfterValidator(_check_path)], ...],
    Field(max_length=16),
    AfterValidator(_check_once),
]
