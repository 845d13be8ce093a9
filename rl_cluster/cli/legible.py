"""Makes text safe for a terminal or a log: no control characters from names, no secrets."""

import os
import re

__all__ = ["legible", "masked"]

MASK = "***"
SECRET_VARIABLES = (
    "RAY_AUTH_TOKEN", "WANDB_API_KEY", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "RAY_REDIS_PASSWORD",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
)  # fmt: skip
LEAST_SECRET_LENGTH = 6
"""The least length of a secret: a shorter value may be in any text by chance."""
USER_INFO = re.compile(r"(:/{1,2})[^/?#\s'\"]*@")
"""`user:password@`, up to the last `@` before the path, because a password may contain one."""
QUERY_SECRET = re.compile(
    r"([?&;](?:[\w.-]*(?:token|secret|password|passwd|pwd|key|sig|signature))=)[^&;#\s'\"]+", re.IGNORECASE
)


def legible(text: str) -> str:
    """The text with every character that is not printable spelled out, except ends of lines.

    Otherwise a name could move the cursor, clear the screen, or reverse the text beside it.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text)


def masked(text: str) -> str:
    """The text without passwords in addresses, and without the secrets in this process's environment."""
    for name in SECRET_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= LEAST_SECRET_LENGTH:
            text = text.replace(value, MASK)
    return QUERY_SECRET.sub(rf"\1{MASK}", USER_INFO.sub(rf"\1{MASK}@", text))
