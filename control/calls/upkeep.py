"""What a control plane does for its calls while it runs: says that it lives, sweeps, forgets."""

import asyncio
import logging
import time

from control.calls.service import CallService
from control.storage.database import DatabaseUnreachable

_log = logging.getLogger(__name__)
_SWEEP_EVERY_SECONDS = 2.0
_RENEW_EVERY_SECONDS = 5.0
_FORGET_EVERY_SECONDS = 60.0


async def look_after(service: CallService) -> None:
    """Run until cancelled; then leave every call to whoever comes next."""
    renewed = forgotten = float("-inf")
    try:
        while True:
            try:
                await service.recovery.sweep()
                if time.monotonic() - renewed > _RENEW_EVERY_SECONDS:
                    await service.store.renew()
                    renewed = time.monotonic()
                if time.monotonic() - forgotten > _FORGET_EVERY_SECONDS:
                    await service.store.forget_answers()
                    forgotten = time.monotonic()
            except DatabaseUnreachable as fault:
                _log.error("calls are not looked after: %s (%s)", fault, fault.hint)
            except Exception:  # noqa: BLE001 - the edge of a task that must outlive one bad sweep
                _log.exception("calls were not looked after this time")
            await asyncio.sleep(_SWEEP_EVERY_SECONDS)
    finally:
        await service.close()
