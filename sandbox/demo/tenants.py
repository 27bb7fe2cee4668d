"""The demo's two tenants, whose callers ask for different things."""

from dataclasses import dataclass
from typing import Any

from sandbox.callers.backend import TenantProject
from sandbox.callers.caller import CallResult
from sandbox.tenant import RunningTenant


@dataclass(frozen=True)
class DemoTenant:
    """A tenant: what its agent knows, what its caller asks, and a word of the right answer."""

    id: str
    greeting: str
    instructions: str
    question: str
    expected: str

    @property
    def agent_config(self) -> dict[str, Any]:
        """What its AGENT_CONFIG file says."""
        return {"greeting": self.greeting, "instructions": self.instructions}


@dataclass(frozen=True)
class StartedTenant:
    """A tenant with its project and its worker; `call` is its call, once it is over."""

    tenant: DemoTenant
    project: TenantProject
    worker: RunningTenant
    call: CallResult | None = None


TENANTS = (
    DemoTenant(
        id="acme",
        greeting="Good morning, bakery speaking. How can I help you?",
        instructions=(
            "You answer the telephone of the Acme bakery. "
            "Our bakery is open from seven in the morning until noon. "
            "Parking is free behind the building."
        ),
        question="When is the bakery open?",
        expected="noon",
    ),
    DemoTenant(
        id="globex",
        greeting="Welcome to the travel service. Where would you like to go?",
        instructions=(
            "You answer the telephone of Globex travel. "
            "The night train to the mountains leaves at ten in the evening. "
            "Tickets can be returned within two weeks."
        ),
        question="When does the night train leave?",
        expected="evening",
    ),
)
