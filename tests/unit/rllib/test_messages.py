"""What is written to descriptor 2 while RLlib starts passes at once, but for one message."""

import os
import subprocess
import sys

SCRIPT = """
import os
from rl_cluster.rllib.messages import KNOWN, without_known_messages

with without_known_messages():
    os.write(2, b"before\\n" + KNOWN + b" of Ray\\n" + b"after\\n")
    input()
os.write(2, b"at the end")
"""


def test_messages__pass_while_the_block_goes_on_and_the_known_one_does_not() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT], env=dict(os.environ), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        first = [process.stderr.readline(), process.stderr.readline()]
        _, rest = process.communicate("go on\n")

    assert first == ["before\n", "after\n"]
    assert rest == "at the end"
    assert process.returncode == 0
