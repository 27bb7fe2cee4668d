"""The check of the signature under which usage records travel, for whoever receives them."""

import time
from typing import TYPE_CHECKING

from livekit_tenant import _modules

if TYPE_CHECKING:
    from contract.records.signature import is_signed as _is_signed
else:
    # A receiver may have a `contract` of its own.
    _is_signed = _modules.find("contract.records.signature", "is_signed")


def is_signed(body: bytes, header: str, secret: str, now: float | None = None) -> bool:
    """Tell whether a record comes from whoever knows the secret; never raises.

    Args:
        body: the request's, as it came.
        header: the value of `Tenant-Worker-Signature`; empty where there was none.
        secret: the worker's USAGE_SECRET.
        now: in Unix seconds, by default this moment. A signature is good for five minutes.
    """
    return _is_signed(body, header, secret, time.time() if now is None else now)
