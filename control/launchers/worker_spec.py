"""What a launcher is told to start: one tenant's variables, and nobody else's."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from contract import limits

# A new tenant changes this one variable of all the others; that is no reason to replace a worker.
_NOT_HASHED = frozenset({"FOREIGN_KEY_FINGERPRINTS"})


@dataclass(frozen=True)
class WorkerSpec:
    """One worker to start: whose, with which variables, and what came before it.

    `files` are variables whose value is a file's path: name of the variable → the file's text.
    `restarts` counts starts after the first, `failures` those in a row with no quiet time between.
    """

    tenant: str
    variables: Mapping[str, str | SecretStr] = field(repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    restarts: int = 0
    failures: int = 0
    last_cause: str = ""

    @property
    def max_calls(self) -> int:
        """Tell how many calls at once the worker is sized for."""
        text = reveal(self.variables.get("MAX_CALLS", ""))
        return int(text) if text.isascii() and text.isdigit() else limits.DEFAULT_MAX_CALLS

    @property
    def memory_mib(self) -> int:
        """Give the memory limit in MiB."""
        return limits.memory_mib(self.max_calls)

    @property
    def pids(self) -> int:
        """Give the limit of processes and threads."""
        return limits.pids(self.max_calls)

    def hash(self, runtime: str) -> str:
        """Hash all that makes one worker differ from another; `runtime` is the launcher's part.

        It covers secrets of full length, so the hash may stand in a label. Another way to make it
        would replace every running worker at the next upgrade.
        """
        kept = {n: reveal(v) for n, v in self.variables.items() if n not in _NOT_HASHED}
        whole = json.dumps([kept, dict(self.files), runtime], sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:32]

    def plain(self) -> dict[str, str]:
        """Give the variables as a child's environment needs them: secrets in the clear."""
        return {name: reveal(value) for name, value in self.variables.items()}


def reveal(value: str | SecretStr) -> str:
    """Read a value that may be a secret."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value
