"""What the settings alone can tell, before a single packet is sent."""

from bootstrap.preflight.check import CheckContext, CheckOutcome, failed, passed, skipped, warned
from contract.settings import findings as kinds


async def are_complete(context: CheckContext) -> CheckOutcome:
    """Every required setting is there."""
    return _outcome(context, kinds.COMPLETE, "nothing required is missing")


async def are_wellformed(context: CheckContext) -> CheckOutcome:
    """Every setting can be meant."""
    return _outcome(context, kinds.WELLFORMED, "each value has the shape of its variable")


async def are_one(context: CheckContext) -> CheckOutcome:
    """URL, key and secret come from one place."""
    return _outcome(context, kinds.ONE_SOURCE, "url, key and secret come from one place")


async def are_apart(context: CheckContext) -> CheckOutcome:
    """Key and secret are not exchanged."""
    return _outcome(context, kinds.NOT_SWAPPED, "the key looks like a key")


async def is_not_foreign(context: CheckContext) -> CheckOutcome:
    """The key is none of those that must never be used here."""
    known = context.settings.checks.foreign_fingerprints
    mine = context.settings.credentials.fingerprint
    if mine in known:
        return failed(f"the API key (fingerprint {mine}) is listed as somebody else's")
    if not known:
        return passed("no foreign keys are listed (FOREIGN_KEY_FINGERPRINTS)")
    return passed(f"key {mine} is none of the {len(known)} listed")


def _outcome(context: CheckContext, check_id: str, good: str) -> CheckOutcome:
    mine = [finding for finding in context.findings if finding.check_id == check_id]
    faults = [str(finding) for finding in mine if not finding.is_warning]
    warnings = [str(finding) for finding in mine if finding.is_warning]
    if faults:
        return failed("\n".join([*faults, *(f"warning: {warning}" for warning in warnings)]))
    if warnings:
        return warned("\n".join(warnings), "Nothing stops for this.")
    if (
        isinstance(context.read_settings, kinds.Findings)
        and not context.read_settings.has_all_sources
    ):
        return skipped("the env file could not be read")
    return passed(good)
