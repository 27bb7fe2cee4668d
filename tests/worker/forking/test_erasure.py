"""A secret that is taken out of a process's memory; in a process of its own, as it is done."""

import subprocess
import sys

PROGRAM = """
from worker.forking import erasure

secret = "".join(["canary-", "0123456789", "-canary"])
texts = [f"A={secret}", f"A={secret} …", f"A={secret} \\N{TELEPHONE RECEIVER}", secret]
short = "".join(["can", "ary"])
erasure.erase([secret, short])
print([secret.strip("\\0"), *(text.replace("\\0", "") for text in texts), short])
"""


def test_a_secret_is_erased_wherever_a_copy_was_left_and_nothing_else_is() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    left = ["", "A=", "A= …", "A= \N{TELEPHONE RECEIVER}", "", "canary"]
    assert ran.stdout == f"{left}\n"
