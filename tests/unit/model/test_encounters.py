"""Encounters are pooled by the formula of the docstring; what is not there changes nothing."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from rl_cluster.model.encounters import EncounterEncoder
from rl_cluster.types import Observation

ObservationFactory = Callable[..., Observation[Tensor]]


def _make_encoder(observation: Observation[Tensor]) -> tuple[EncounterEncoder, Tensor]:
    """The encoder, and a token of each UAV."""
    torch.manual_seed(0)
    encoder = EncounterEncoder(16, 4, observation.pair.shape[-1])
    return encoder, torch.randn(*observation.uav.shape[:2], 16)


def test_encounters__are_pooled_head_by_head(make_observation: ObservationFactory) -> None:
    observation = make_observation(task="navigate")
    encoder, uav = _make_encoder(observation)

    encoded = encoder(uav, observation)

    for b, i in (observation.candidates[..., 0] >= 0).nonzero().tolist():
        pair = observation.pair[b, i, observation.candidates[b, i] >= 0]
        hidden = functional.gelu(encoder.query(uav[b, i]) + encoder.pair(pair))
        weight = encoder.score(hidden).softmax(dim=0)
        pooled = torch.cat([(weight[:, h, None] * hidden[:, 4 * h : 4 * h + 4]).sum(dim=0) for h in range(4)])
        torch.testing.assert_close(encoded[b, i], encoder.output(pooled))


def test_uav_without_encounters__gets_the_bias_alone(make_observation: ObservationFactory) -> None:
    observation = make_observation(task="navigate")
    observation.candidates[:, 1] = -1
    encoder, uav = _make_encoder(observation)

    encoded = encoder(uav, observation)

    torch.testing.assert_close(encoded[:, 1], encoder.output.bias.expand(len(encoded), 16))


def test_copies_of_an_encounter__weigh_no_more_than_one(make_observation: ObservationFactory) -> None:
    one = make_observation(task="navigate", num_candidates=1)
    several = one._replace(candidates=one.candidates.expand(-1, -1, 7), pair=one.pair.expand(-1, -1, 7, -1))
    encoder, uav = _make_encoder(one)

    torch.testing.assert_close(encoder(uav, several), encoder(uav, one))


def test_what_is_no_encounter__changes_nothing(make_observation: ObservationFactory) -> None:
    observation = make_observation(task="navigate")
    encoder, uav = _make_encoder(observation)
    wild = torch.where((observation.candidates < 0).unsqueeze(-1), 1e6, observation.pair)

    assert torch.equal(encoder(uav, observation._replace(pair=wild)), encoder(uav, observation))
