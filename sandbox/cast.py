"""Who plays in the demo: two tenants whose callers ask for different things."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Role:
    """One tenant: what its agent knows, what its caller asks, and a word of the right answer."""

    tenant: str
    greeting: str
    instructions: str
    question: str
    expected: str

    @property
    def agent_config(self) -> dict[str, Any]:
        """What its AGENT_CONFIG file says."""
        return {"greeting": self.greeting, "instructions": self.instructions}


CAST = (
    Role(
        tenant="acme",
        greeting="Good morning, bakery speaking. How can I help you?",
        instructions=(
            "You answer the telephone of the Acme bakery. "
            "Our bakery is open from seven in the morning until noon. "
            "Parking is free behind the building."
        ),
        question="When is the bakery open?",
        expected="noon",
    ),
    Role(
        tenant="globex",
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
