"""Mutations of bytes, of text and of plain data, drawn from a seed: what a disk, a hand and a stranger do to a file."""

import copy
import math
from collections.abc import Callable
from random import Random
from typing import Any

__all__ = ["mutated_bytes", "mutated_data", "mutated_text"]

NUMBERS = (
    0, -1, 1, 2, 3, 7, -0.0, 0.5, 1e-46, 1e-320, 1e30, 1e38, -1e38, 1e300, -1e300, 2**31, 2**53, 2**63, -(2**63), 2**64,
    10**18, 10**400, math.inf, -math.inf, math.nan,
)  # fmt: skip
OTHERS: tuple[Any, ...] = (
    None, True, False, "", "x", "nan", "1", "0x10", "1e999", "\x00", "\x1b[2J", "ü", "\ud83d\ude00", "\u202e", "²",
    "a" * 5000, [], {}, [[]], [None], {"": 0}, [0] * 300, {"type": "x"}, "[1, 2]", "*a", "!!python/object:os.system",
)  # fmt: skip
TOKENS = (
    "1e999", "-1", "0", "null", "[]", "{}", ": ", "- ", "\n", "\t", "\x00", "\x1b", "&a ", "*a", "!!int ", "<<: ", '"',
    "'", "#", "---\n", "...\n", "%YAML 1.1\n", "\ufeff", "NaN", ".inf", "99999999999999999999", "true", ",", "}", "]",
    "[[[[[[[[", "ü",
)  # fmt: skip


def mutated_bytes(random: Random, content: bytes) -> bytes:
    """One to three places changed, cut, doubled or filled."""
    changed = bytearray(content)
    for _ in range(random.randint(1, 3)):
        place, length = random.randrange(len(changed) + 1), random.choice([1, 1, 2, 8, 100])
        match random.randrange(6):
            case 0 | 1:
                if place < len(changed):
                    changed[place] ^= 1 << random.randrange(8)
            case 2:
                del changed[place:]
            case 3:
                del changed[place : place + length]
            case 4:
                changed[place:place] = changed[place : place + length] * random.choice([1, 5])
            case 5:
                changed[place : place + length] = random.choice(
                    [bytes(length), b"\xff" * length, random.randbytes(length)]
                )
    return bytes(changed)


def mutated_text(random: Random, text: str) -> bytes:
    """Lines dropped, doubled or exchanged, tokens put in, or bytes changed."""
    if random.random() < 0.3:
        return mutated_bytes(random, text.encode())
    lines = text.splitlines(keepends=True) or [""]
    for _ in range(random.randint(1, 3)):
        number = random.randrange(len(lines))
        match random.randrange(5):
            case 0:
                lines[number] = ""
            case 1:
                lines[number] *= random.choice([2, 2, 50])
            case 2:
                other = random.randrange(len(lines))
                lines[number], lines[other] = lines[other], lines[number]
            case _:
                line, token = lines[number], random.choice(TOKENS)
                place = random.randrange(len(line) + 1)
                lines[number] = (
                    line[:place] + token * random.choice([1, 1, 1, 40]) + line[place + random.choice([0, 1]) :]
                )
    return "".join(lines).encode(errors="surrogatepass")


def mutated_data(random: Random, data: Any) -> Any:
    """A copy with one to three values exchanged, dropped, doubled, renamed or wrapped."""
    root = [copy.deepcopy(data)]
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        place, key = random.choice(_places(root))
        random.choice(CHANGES)(random, place, key)
    return root[0] if root else None


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Container and key of every value in it."""
    places, waiting = list[tuple[Any, Any]](), [data]
    while waiting:
        one = waiting.pop()
        items = list(one.items()) if isinstance(one, dict) else list(enumerate(one)) if isinstance(one, list) else []
        places += [(one, key) for key, _ in items]
        waiting += [value for _, value in items]
    return places or [([0], 0)]


def _exchange(random: Random, place: Any, key: Any) -> None:
    place[key] = copy.deepcopy(random.choice(random.choice([NUMBERS, OTHERS])))


def _scale(random: Random, place: Any, key: Any) -> None:
    """A number that is still one."""
    number = place[key]
    if isinstance(number, int | float) and not isinstance(number, bool):
        whole = int(number) if math.isfinite(number) else 0
        place[key] = random.choice([-number, number * 1000, number + 1, number / 3, whole])
    else:
        _exchange(random, place, key)


def _drop(random: Random, place: Any, key: Any) -> None:
    del place[key]
    del random


def _double(random: Random, place: Any, key: Any) -> None:
    value = copy.deepcopy(place[key])
    if isinstance(place, list):
        place[key:key] = [value] * random.choice([1, 1, 30])
    else:
        place[f"{key}{random.choice(['x', ' ', '_m', '2'])}"] = value


def _rename(random: Random, place: Any, key: Any) -> None:
    if isinstance(place, dict):
        place[random.choice([f"{key}x", "", "id", "type", "x" * 300])] = place.pop(key)
    else:
        random.shuffle(place)


def _wrap(random: Random, place: Any, key: Any) -> None:
    for _ in range(random.choice([1, 1, 3, 40])):
        place[key] = random.choice([[place[key]], {"x": place[key]}, str(place[key])])


CHANGES: tuple[Callable[[Random, Any, Any], None], ...] = (
    _exchange,
    _exchange,
    _scale,
    _scale,
    _drop,
    _double,
    _rename,
    _wrap,
)
