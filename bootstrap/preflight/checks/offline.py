"""What the settings alone can tell, before a single packet is sent."""

from bootstrap.preflight.check import CheckContext, CheckOutcome, failed, passed, skipped, warned
from contract.settings import findings as kinds


async def are_complete(scene: CheckContext) -> CheckOutcome:
    """Every required setting is there."""
    return _outcome(scene, kinds.COMPLETE, "nothing required is missing")


async def are_wellformed(scene: CheckContext) -> CheckOutcome:
    """Every setting can be meant."""
    return _outcome(scene, kinds.WELLFORMED, "each value has the shape of its variable")


async def are_one(scene: CheckContext) -> CheckOutcome:
    """URL, key and secret come from one place."""
    return _outcome(scene, kinds.ONE_SOURCE, "url, key and secret come from one place")


async def are_apart(scene: CheckContext) -> CheckOutcome:
    """Key and secret are not exchanged."""
    return _outcome(scene, kinds.NOT_SWAPPED, "the key looks like a key")


async def is_not_foreign(scene: CheckContext) -> CheckOutcome:
    """The key is none of those that must never be used here."""
    known = scene.settings.checks.foreign_fingerprints
    mine = scene.settings.credentials.fingerprint
    if mine in known:
        return failed(f"the API key (fingerprint {mine}) is listed as somebody else's")
    if not known:
        return passed("no foreign keys are listed (FOREIGN_KEY_FINGERPRINTS)")
    return passed(f"key {mine} is none of the {len(known)} listed")


def _outcome(scene: CheckContext, check_id: str, good: str) -> CheckOutcome:
    mine = [finding for finding in scene.findings if finding.check_id == check_id]
    faults = [str(finding) for finding in mine if not finding.is_warning]
    warnings = [str(finding) for finding in mine if finding.is_warning]
    if faults:
        return failed("\n".join([*faults, *(f"warning: {warning}" for warning in warnings)]))
    if warnings:
        return warned("\n".join(warnings), "Nothing stops for this.")
    if isinstance(scene.given, kinds.Findings) and not scene.given.has_all_sources:
        return skipped("the env file could not be read")
    return passed(good)
