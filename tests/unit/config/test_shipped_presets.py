"""Every preset says at its beginning what it is for."""

from rl_cluster.config.shipped_presets import PRESETS, purposes


def test_purposes__are_first_sentences() -> None:
    told = purposes()

    assert told.keys() == PRESETS.keys()
    assert all(told.values())
    assert told["navigate_demo"].startswith("Minutes on a two-core laptop: four UAVs fly to goals")
    assert not any(words.endswith(".") or ". " in words for words in told.values())
