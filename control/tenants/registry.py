"""The registry of tenants: read anew each time, so that the operator's SQL is seen at once."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr

from contract.fingerprint import fingerprint
from contract.programs import CONTROL
from contract.tenant import is_tenant_id
from control.settings import ControlSettings
from control.storage.database import Database
from control.storage.sealing import Unsealable, is_sealed
from control.tasks import one_by_one
from control.tenants import rows as tenant_rows
from control.tenants import settings as tenant_settings
from control.tenants.composing import OPERATOR, compose, place_of
from control.tenants.rows import TenantRow
from control.tenants.settings import TenantSettings
from control.tenants.tenant import Tenant, TenantFault
from control.tenants.usage_key import UsageKey
from control.tenants.value_faults import describe, find_value_faults

_log = logging.getLogger(__name__)


class UnknownTenant(Exception):
    """There is no tenant of this id."""

    hint = f"register it with PUT /v1/tenants/{{id}} or `{CONTROL} tenants add`"

    def __init__(self, tenant_id: str) -> None:
        super().__init__(f"there is no tenant {tenant_id}")


class RegistrationRefused(Exception):
    """A registration with settings that cannot be right; each problem is one sentence."""

    hint = "mend what is named and send it again"

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class SharedKey(Exception):
    """A registration with an API key that somebody else has; `owner` names them."""

    hint = "every tenant needs a project and a key of its own: make one in the tenant's project"

    def __init__(self, owner: str) -> None:
        super().__init__(f"this API key belongs to {owner}")
        self.owner = owner
        self.problems = (str(self),)


@dataclass(frozen=True)
class TenantRegistration:
    """What is to be known of a tenant; None leaves what is there."""

    id: str
    name: str | None = None
    enabled: bool | None = None
    settings: Mapping[str, Any] | None = field(default=None, repr=False)


class Registry:
    """Knows the tenants; secrets leave it as SecretStr and enter the table sealed."""

    def __init__(self, database: Database, settings: ControlSettings) -> None:
        self._database = database
        self._settings = settings
        self._sealer = settings.sealer
        self._usage_key = UsageKey(database, settings.sealer)

    async def tenants(self) -> tuple[Tenant, ...]:
        """List all tenants, faulty and disabled ones included, in the order of their ids.

        Raises:
            DatabaseUnreachable: the database stayed away.
        """
        rows = await self._database.read(tenant_rows.read_all)
        keys = [_api_key_of(row) async for row in one_by_one(rows)]
        known = self._fingerprints(key for key in keys if key)
        return tuple([await self._for_worker(row, known) async for row in one_by_one(rows)])

    async def tenant(self, tenant_id: str) -> Tenant:
        """Give one tenant with all that its worker needs.

        Raises:
            UnknownTenant: there is none of this id.
            DatabaseUnreachable: the database stayed away.
        """
        row = await self._row(tenant_id)
        notices = await self._database.read(lambda c: tenant_rows.read_notices(c, tenant_id))
        row = replace(row, notices=notices)
        keys = await self._database.read(tenant_rows.read_keys)
        return await self._for_worker(row, self._fingerprints(keys))

    async def callee(self, tenant_id: str) -> Tenant:
        """Give one tenant for a call: in one look, however many others there are.

        Raises:
            UnknownTenant: there is none of this id.
            DatabaseUnreachable: the database stayed away.
        """
        return compose(await self._sealed_anew(await self._row(tenant_id)), self._settings)

    async def register(self, wanted: TenantRegistration) -> tuple[Tenant, bool]:
        """Make or change a tenant; tells whether it was made.

        Raises:
            RegistrationRefused: the id or the settings cannot be right.
            SharedKey: the API key is the operator's or another tenant's.
            DatabaseUnreachable: the database stayed away.
        """
        if not is_tenant_id(wanted.id):
            raise RegistrationRefused("the id is not like acme or acme-berlin (a DNS label)")
        sealed = None
        if wanted.settings is not None:
            read = self._accepted(wanted.id, wanted.settings)
            if self._is_operators(read):
                raise SharedKey(OPERATOR)
            sealed = self._sealed(wanted.id, wanted.settings)

        async def write(connection: Any) -> bool:
            if wanted.settings is not None:
                owner = await tenant_rows.find_owner(
                    connection, wanted.settings["livekit"]["api_key"], but=wanted.id
                )
                if owner is not None:
                    raise SharedKey(f"tenant {owner}")
            elif await tenant_rows.read_one(connection, wanted.id) is None:
                raise RegistrationRefused("settings.livekit: missing for a new tenant")
            return await tenant_rows.write(
                connection, wanted.id, wanted.name, wanted.enabled, sealed
            )

        is_new = await self._database.write(write, alone=True)
        return await self.tenant(wanted.id), is_new

    async def remove(self, tenant_id: str) -> None:
        """Forget a tenant; its worker is drained by the fleet, its calls and usage stay on record.

        Raises:
            UnknownTenant: there is none of this id.
        """
        if not await self._database.write(lambda c: tenant_rows.remove(c, tenant_id)):
            raise UnknownTenant(tenant_id)

    async def _row(self, tenant_id: str) -> TenantRow:
        row = await self._database.read(lambda c: tenant_rows.read_one(c, tenant_id))
        if row is None:
            raise UnknownTenant(tenant_id)
        return row

    async def usage_secret(self, tenant_id: str) -> SecretStr:
        """Give what a tenant's worker signs its usage with.

        Raises:
            Unsealable: no listed sealing key opens the key that it follows from.
        """
        return await self._usage_key.secret_of(tenant_id)

    def _fingerprints(self, keys: Iterable[str]) -> frozenset[str]:
        known = {fingerprint(key) for key in keys}
        if self._settings.operator_fingerprint is not None:
            known.add(self._settings.operator_fingerprint)
        return frozenset(known)

    def _is_operators(self, read: TenantSettings) -> bool:
        key = read.livekit.api_key if read.livekit else None
        return key is not None and fingerprint(key) == self._settings.operator_fingerprint

    def _accepted(self, tenant_id: str, settings: Mapping[str, Any]) -> TenantSettings:
        read = tenant_settings.read(settings)
        opened = {path: SecretStr(text) for path, text in tenant_settings.secrets_in(settings)}
        wrong = find_value_faults(tenant_id, read, opened, self._settings.claim_public_key)
        unknown = tenant_settings.unknown_names(settings)
        problems = (
            *(fault.problem for fault in read.faults),
            *(f"settings.{name}: unknown name" for name in unknown),
            *(describe(finding) for finding in wrong),
        )
        if problems:
            raise RegistrationRefused(*problems)
        return read

    def _sealed(self, tenant_id: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        sealed = dict(settings)
        for path, plain in tenant_settings.secrets_in(settings):
            if is_sealed(plain):
                raise RegistrationRefused(f"settings.{'.'.join(path)}: a sealed text is no secret")
            sealed = tenant_settings.replace_at(
                sealed, path, self._sealer.seal(plain, place_of(tenant_id, path))
            )
        return sealed

    async def _for_worker(self, row: TenantRow, known: frozenset[str]) -> Tenant:
        row = await self._sealed_anew(row)
        try:
            secret = await self.usage_secret(row.id)
        except Unsealable as error:
            tenant = compose(row, self._settings, known)
            fault = TenantFault("unsealable", f"the key for its usage: {error}", error.hint)
            return replace(tenant, faults=(*tenant.faults, fault))
        return compose(row, self._settings, known, secret)

    async def _sealed_anew(self, row: TenantRow) -> TenantRow:
        """Seal what lies open or under an older key; gives the row with what is noticed now."""
        problems = [
            await self._seal_one(row.id, path, found)
            for path, found in tenant_settings.secrets_in(row.settings)
            if not self._sealer.is_current(found)
        ]
        new = tuple(problem for problem in problems if problem and problem not in row.notices)
        return replace(row, notices=(*row.notices, *new))

    async def _seal_one(self, tenant_id: str, path: tuple[str, ...], found: str) -> str | None:
        """Seal a secret under the current key; gives the notice if it had lain open."""
        place, was_sealed = place_of(tenant_id, path), is_sealed(found)
        try:
            plain = self._sealer.unseal(found, place).get_secret_value() if was_sealed else found
        except Unsealable:
            return None  # named as a fault of the tenant where its settings are read
        sealed, where = self._sealer.seal(plain, place), ".".join(path)
        problem = None if was_sealed else f"settings.{where} came in plain text; it is sealed now"

        async def write(connection: Any) -> None:
            if (
                await tenant_rows.replace_secret(connection, tenant_id, path, found, sealed)
                and problem
            ):
                await tenant_rows.note(connection, tenant_id, problem, time.time())

        await self._database.write(write)
        _log.warning("tenant %s: settings.%s sealed under the current key", tenant_id, where)
        return problem


def _api_key_of(row: TenantRow) -> str | None:
    livekit = tenant_settings.read(row.settings).livekit
    return livekit.api_key if livekit else None
