"""Compiled blocks compute what the same blocks compute otherwise, under the same names, for graphs of any size."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from rl_cluster.api.engines import engine_of
from rl_cluster.config.load import load_config
from rl_cluster.config.schema import Config
from rl_cluster.errors import ConfigError
from rl_cluster.model.compiling import check_compiler, compile_blocks
from rl_cluster.model.transformer_gnn import TransformerGNN
from rl_cluster.types import Observation

SIZES = ((6, (5, 6, 2)), (13, (8, 8, 0)), (1, (4, 4, 2)), (24, (24, 24, 8)))
"""Graphs, and what they are padded to."""
ModelFactory = Callable[..., TransformerGNN]


@pytest.fixture
def compiler() -> Iterator[None]:
    """Skips where nothing can be compiled, and forgets afterwards what was."""
    try:
        check_compiler()
    except ConfigError as error:
        pytest.skip(error.what)
    yield
    torch.compiler.reset()


def _gradients(model: TransformerGNN, observation: Observation[Tensor]) -> list[Tensor]:
    """Outputs, then gradients."""
    policy, value_BN = model(observation)
    (policy.log_prob(policy.mode()).mean() + value_BN.mean()).backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad(set_to_none=True)
    return [policy.log_prob(policy.mode()).detach(), value_BN.detach(), *gradients]


@pytest.mark.slow
@pytest.mark.parametrize("has_checkpoints", [False, True])
def test_blocks__compiled_are_equal_to_those_that_are_not(
    compiler: None,
    make_model: ModelFactory,
    make_observation: Callable[..., Observation[Tensor]],
    has_checkpoints: bool,
) -> None:
    plain = make_model(gradient_checkpointing=has_checkpoints)
    compiled = make_model(gradient_checkpointing=has_checkpoints, compile="blocks")
    compile_blocks(compiled)
    num_graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]

    for number, padded in SIZES:
        observation = make_observation(number, padded)
        for expected, found in zip(_gradients(plain, observation), _gradients(compiled, observation), strict=True):
            torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-5)

    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > num_graphs, "nothing was compiled"


@pytest.mark.slow
def test_blocks__compiled_keep_their_names(
    compiler: None, make_model: ModelFactory, make_observation: Callable[..., Observation[Tensor]]
) -> None:
    plain, compiled = make_model(), make_model(seed=1, compile="blocks")
    compile_blocks(compiled)
    with torch.inference_mode():
        compiled(make_observation())

    assert list(compiled.state_dict()) == list(plain.state_dict())
    compiled.load_state_dict(plain.state_dict())
    with torch.inference_mode():
        outputs = [model(make_observation()).value_BN for model in (compiled, plain)]
    torch.testing.assert_close(*outputs, rtol=0.0, atol=1e-5)


def test_blocks__are_left_alone_unless_the_settings_say_so(make_model: ModelFactory) -> None:
    model = make_model()

    compile_blocks(model)

    assert all(block._compiled_call_impl is None for block in model.blocks)


def test_network__without_blocks_is_refused(compiler: None, make_model: ModelFactory) -> None:
    model = make_model(compile="blocks")
    del model.blocks

    with pytest.raises(ConfigError, match=r"the task's own network has no blocks; set model\.compile=none"):
        compile_blocks(model)


@pytest.fixture
def without_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")


def _run(*settings: str) -> Config:
    return load_config("debug", ["model.compile=blocks", *settings])


@pytest.mark.parametrize("settings", [["engine=local"], ["sampling.num_env_runners=0", "sampling.mode=sync"], []])
def test_engine__is_refused_where_its_process_cannot_compile(without_compiler: None, settings: list[str]) -> None:
    with pytest.raises(
        ConfigError, match=r"^model.compile=blocks: there is no C\+\+ compiler 'no-such-compiler' .*; install g\+\+ on"
    ):
        engine_of(_run(*settings), None)


def test_engine__whose_actors_compute_needs_no_compiler_here(without_compiler: None) -> None:
    engine_of(_run("learners.num_learners=1"), None)
    engine_of(load_config("debug", ["engine=local"]), None)


def test_headers__of_python_are_needed(compiler: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_paths", lambda: {"include": "/nowhere"})

    with pytest.raises(ConfigError, match=r"Python's header /nowhere/Python.h .*; install python3.11-dev"):
        check_compiler()
