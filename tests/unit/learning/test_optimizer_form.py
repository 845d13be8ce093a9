"""What an optimizer's state can be: its form is that of the parameters, and each value has its range."""

from collections.abc import Callable

import pytest
import torch

from rl_cluster.config.schema import Config
from rl_cluster.learning.gradient_step import GOOD_STEPS, LOSS_SCALE
from rl_cluster.learning.optimizer_form import ADAM_KEYS, PART_ROWS, optimizer_fault, optimizer_form
from rl_cluster.model.transformer_gnn import TransformerGNN


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_form__is_that_of_the_parameters(make_model: Callable[..., TransformerGNN], precision: str) -> None:
    model = make_model(precision=precision)
    form, shapes = optimizer_form(model), {name: value.shape for name, value in model.named_parameters()}

    of_steps = {LOSS_SCALE, GOOD_STEPS} if precision == "fp16" else set()
    assert form.keys() == {f"{name}.{key}" for name in shapes for key in ADAM_KEYS} | of_steps | {PART_ROWS}
    assert all(form[f"{name}.{key}"].shape == shapes[name] for name in shapes for key in ADAM_KEYS[1:])
    assert all(form[f"{name}.step"].shape == () for name in shapes)
    assert {tensor.device.type for tensor in form.values()} == {"meta"}


@pytest.mark.parametrize(
    ("name", "value", "is_sound"),
    [
        ("a.step", 0.0, True),
        ("a.step", 2.0**24, True),
        ("a.step", -1.0, False),
        ("a.step", 2.0**24 + 2, False),
        ("a.exp_avg", -1e30, True),
        ("a.exp_avg", float("inf"), False),
        ("a.exp_avg_sq", 0.0, True),
        ("a.exp_avg_sq", -1e-9, False),
        ("a.exp_avg_sq", float("nan"), False),
        (LOSS_SCALE, 2.0**16, True),
        (LOSS_SCALE, 0.0, False),
        (LOSS_SCALE, 2.0**101, False),
        (GOOD_STEPS, 0.0, True),
        (GOOD_STEPS, -1.0, False),
        (PART_ROWS, 1.0, True),
        (PART_ROWS, 0.0, False),
    ],
)
def test_value__has_its_range(tiny: Config, name: str, value: float, is_sound: bool) -> None:
    fault = optimizer_fault(tiny, {name: torch.tensor([value, value], dtype=torch.float64)})

    assert (fault is None) == is_sound
    assert is_sound or str(fault).startswith(f"{name} ")


def test_part__has_no_more_rows_than_are_ever_updated_at_once(tiny: Config) -> None:
    most = max(tiny.ppo.minibatch_rows, tiny.learners.part_rows)

    assert optimizer_fault(tiny, {PART_ROWS: torch.tensor(most)}) is None
    assert optimizer_fault(tiny, {PART_ROWS: torch.tensor(most + 1)}) == (
        f"{PART_ROWS} holds numbers that are not within 1 to {most:g}"
    )


def test_parameter__without_numbers_has_no_fault(tiny: Config) -> None:
    assert optimizer_fault(tiny, {"a.exp_avg": torch.empty(0, 4)}) is None
