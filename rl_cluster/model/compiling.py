"""Compiles the blocks of a network with torch.compile, for any number of graphs and entities.

Blocks are compiled in place: parameters keep their names, and copies of the network are not compiled. torch compiles at
the first call, and again for a single graph, for large graphs, and where no gradients are needed. Encoders and heads
stay as they are: they are a small part of the work.
"""

import os
import shutil
import sysconfig
from pathlib import Path

from rl_cluster.errors import ConfigError
from rl_cluster.model.transformer_gnn import TransformerGNN

__all__ = ["check_compiler", "compile_blocks"]

SETTING = "model.compile=blocks"


def compile_blocks(model: TransformerGNN) -> None:
    """Compiles the blocks if the network's settings say so.

    Raises ConfigError if this machine cannot compile, or if the network is a task's own and has no blocks.
    """
    if model.config.compile == "none":
        return
    check_compiler()
    if not hasattr(model, "blocks"):
        raise ConfigError(SETTING, "the task's own network has no blocks", "set model.compile=none")
    for block in model.blocks:
        block.compile(dynamic=True)


def check_compiler() -> None:
    """Raises ConfigError if what torch.compile starts is not installed: a C++ compiler, and Python's headers."""
    named = os.environ.get("CXX", "g++")
    if not shutil.which(named):
        what = f"there is no C++ compiler {named!r} on this machine"
        raise ConfigError(SETTING, what, "install g++ on every node, or set model.compile=none")
    header = Path(sysconfig.get_paths()["include"], "Python.h")
    if not header.is_file():
        what = f"Python's header {header} is not installed"
        raise ConfigError(SETTING, what, "install python3.11-dev on every node, or set model.compile=none")
