"""What others import: `Start` for an agent's code, `is_signed` for a receiver of usage records.

Belongs here: these two, typed and documented; nothing else is public. And, private, what keeps our
internal packages out of the way of modules that others call by the same names.
Does not: anything that loads the SDK or pydantic; what a worker or the control plane does.
May import: the standard library; contract, by `_modules.find`.
"""

from livekit_tenant.signature import is_signed
from livekit_tenant.start import Start

__all__ = ["Start", "is_signed"]
