"""A tenant on the demo's stage."""

from dataclasses import dataclass

from sandbox.caller import Heard
from sandbox.cast import Role
from sandbox.dispatching import Account
from sandbox.servers import RunningProject
from sandbox.tenant import RunningTenant


@dataclass(frozen=True)
class Player:
    """A role with its project and its worker; `heard` once its call is over."""

    role: Role
    project: RunningProject
    account: Account
    worker: RunningTenant
    heard: Heard | None = None
