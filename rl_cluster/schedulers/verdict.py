"""The outcomes of a round of a curriculum, in the words that code, events, metrics and documents share."""

from enum import StrEnum

__all__ = ["Verdict"]


class Verdict(StrEnum):
    """The outcome of one round."""

    STAY = "stay"
    """nothing changes"""
    ADVANCE = "advance"
    """the stage is passed, and the next one begins"""
    FALLBACK = "fallback"
    """the stage is given up, and the one before is entered again"""
    HELD = "held"
    """the stage is to be given up, but no way back is left: the run stays in it for ever"""
    DONE = "done"
    """the last stage is passed"""
    PLATEAU = "plateau"
    """the stage continues, but its score has stopped rising"""
