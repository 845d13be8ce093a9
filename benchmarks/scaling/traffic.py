"""Counts the bytes that this process serialises for others, and those that it reads from them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ray._private.serialization import SerializationContext

__all__ = ["Traffic", "counted"]


class Traffic:
    """What has passed.

    Args:
        bulk: A message of at least this many bytes may hold columns or weights.
    """

    def __init__(self, bulk: int) -> None:
        self._bulk = bulk
        self.num_bytes = 0
        """of all messages"""
        self.bulk_bytes = 0
        """of messages that may hold columns or weights"""

    def note(self, num_bytes: int) -> None:
        """Counts a message."""
        self.num_bytes += num_bytes
        self.bulk_bytes += num_bytes if num_bytes >= self._bulk else 0


@contextmanager
def counted(bulk: int) -> Iterator[Traffic]:
    """Counts while it is entered."""
    traffic = Traffic(bulk)
    serialize, deserialize = SerializationContext.serialize, SerializationContext.deserialize_objects

    def counting_serialize(context: Any, value: Any) -> Any:
        serialized = serialize(context, value)
        traffic.note(serialized.total_bytes)
        return serialized

    def counting_deserialize(context: Any, objects: Any, *others: Any) -> Any:
        for data, *_ in objects:
            traffic.note(len(data) if data is not None else 0)
        return deserialize(context, objects, *others)

    SerializationContext.serialize = counting_serialize
    SerializationContext.deserialize_objects = counting_deserialize
    try:
        yield traffic
    finally:
        SerializationContext.serialize, SerializationContext.deserialize_objects = serialize, deserialize
