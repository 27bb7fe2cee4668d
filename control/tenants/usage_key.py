"""The key from which each worker's usage secret follows: made once, and sealed in the database.

It must outlive the sealing keys: a secret that changed with them would replace every worker.
"""

import hmac
import secrets

from pydantic import SecretStr
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from control.storage.database import Database
from control.storage.sealing import Sealer
from control.storage.tables import sealed_keys

_NAME = "usage"
_PLACE = "key/usage"
_BYTES = 32


class UsageKey:
    """Reads the key once; makes it where there is none, seals it anew under a new first key."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database, self._sealer = database, sealer
        self._key: SecretStr | None = None

    async def secret_of(self, tenant_id: str) -> SecretStr:
        """Give what a tenant's worker signs its usage with.

        Raises:
            Unsealable: no listed sealing key opens the key.
            DatabaseUnreachable: the database stayed away.
        """
        if self._key is None:
            self._key = await self._read()
        key = self._key.get_secret_value().encode()
        return SecretStr(hmac.new(key, f"usage:{tenant_id}".encode(), "sha256").hexdigest())

    async def _read(self) -> SecretStr:
        sealed = await self._database.read(_find) or await self._make()
        key = self._sealer.unseal(sealed, _PLACE)
        if not self._sealer.is_current(sealed):
            await self._database.write(lambda c: _replace(c, sealed, self._seal(key)))
        return key

    async def _make(self) -> str:
        sealed = self._seal(SecretStr(secrets.token_hex(_BYTES)))

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(insert(sealed_keys).values(name=_NAME, sealed=sealed))

        try:
            await self._database.write(write)
        except IntegrityError:  # another control plane made it at the same moment
            return await self._database.read(_find) or sealed
        return sealed

    def _seal(self, key: SecretStr) -> str:
        return self._sealer.seal(key.get_secret_value(), _PLACE)


async def _find(connection: AsyncConnection) -> str | None:
    found = await connection.execute(
        select(sealed_keys.c.sealed).where(sealed_keys.c.name == _NAME)
    )
    return found.scalar()


async def _replace(connection: AsyncConnection, old: str, new: str) -> None:
    where = (sealed_keys.c.name == _NAME) & (sealed_keys.c.sealed == old)
    await connection.execute(update(sealed_keys).where(where).values(sealed=new))
