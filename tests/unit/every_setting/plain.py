"""What an observer has seen, as values that are equal if and only if all numbers are, bit for bit."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

__all__ = ["plain"]


def plain(seen: Any) -> Any:
    """Nested tuples of texts: arrays as their type, shape and digest, other numbers as they are written."""
    if isinstance(seen, torch.Tensor):
        seen = seen.detach().cpu().float().numpy()
    if isinstance(seen, np.ndarray):
        return str(seen.dtype), seen.shape, hashlib.sha256(np.ascontiguousarray(seen).tobytes()).hexdigest()
    if isinstance(seen, Mapping):
        return tuple((str(key), plain(seen[key])) for key in sorted(seen, key=str))
    if isinstance(seen, Sequence) and not isinstance(seen, str):
        return tuple(plain(part) for part in seen)
    return repr(seen)
