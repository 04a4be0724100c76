"""API keys: shown once, stored as digests, and held in memory, so that a call costs one look into a table."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from konversi.access.acting import Action, actor, note
from konversi.access.chance import api_key, digest, short_id
from konversi.access.roles import Scope
from konversi.access.tables import api_keys
from konversi.errors import KonversiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from konversi.database.port import Database

KEYS = "keys"  # what processes over one database tell each other about
_PREFIX = 9  # characters of a key that stay to be seen
_MOST = 1_000


class KeyUnknown(KonversiError):
    """There is no such API key.

    `konversi keys list` shows those there are.
    """

    code = "key_unknown"
    status = 404


class TooManyKeys(KonversiError):
    """There are a thousand API keys already.

    Revoke those that nobody uses: `konversi keys list` says when each was used last.
    """

    code = "too_many_keys"
    status = 409


class Key(NamedTuple):
    """An API key, without what opens anything."""

    id: str
    name: str
    scope: Scope
    prefix: str
    digest: str
    created_at: float  # Unix seconds
    created_by: str
    used_at: float | None  # Unix seconds, to the minute


class Keys:
    """Creates, lists and revokes them. `now` gives Unix seconds."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._loading = asyncio.Lock()
        self.held: Mapping[bytes, Key] = {}  # by the SHA-256 of the key; replaced as a whole
        self.used: set[str] = set()  # ids of those that were shown since this was last written down

    async def load(self) -> None:
        """Read all there are: others may have changed them."""
        async with self._loading:  # so that an older answer never replaces a newer one
            self.held = {bytes.fromhex(one.digest): one for one in await self.all()}

    async def all(self) -> list[Key]:
        """The newest first."""
        return await self._database.read(all_keys)

    async def create(self, name: str, scope: Scope) -> tuple[str, Key]:
        """A new key, which nobody can show again, and what is kept of it. Raises `TooManyKeys`."""
        secret = api_key()
        key = Key(
            short_id(),
            name.strip()[:60],
            scope,
            secret[:_PREFIX],
            digest(secret),
            self._now(),
            actor().name[:60],
            None,
        )

        def created(connection: Connection) -> bool:
            if connection.execute(select(func.count()).select_from(api_keys)).scalar_one() >= _MOST:
                return False
            connection.execute(insert(api_keys).values({**key._asdict(), "scope": scope.value}))
            return True

        if not await self._database.write(created):
            raise TooManyKeys
        note(Action.KEY_CREATED, key.id, name=key.name, scope=scope.value)
        await self._changed()
        return secret, key

    async def revoke(self, key: str) -> None:
        """From now on it opens nothing. Raises `KeyUnknown`."""
        gone = delete(api_keys).where(api_keys.c.id == key)
        if not await self._database.write(lambda connection: connection.execute(gone).rowcount):
            raise KeyUnknown
        note(Action.KEY_REVOKED, key)
        await self._changed()

    async def _changed(self) -> None:
        await self.load()
        self._database.tell(KEYS)

    async def write_down(self) -> None:
        """When those that were used since the last time were used: now, to the minute."""
        used, self.used = self.used, set()
        if used:
            now = self._now()
            seen = update(api_keys).where(api_keys.c.id.in_(used)).values(used_at=now)
            await self._database.write(lambda connection: connection.execute(seen).rowcount)


def all_keys(connection: Connection) -> list[Key]:
    """The newest first."""
    names = [api_keys.c[name] for name in Key._fields]
    rows = connection.execute(select(*names).order_by(api_keys.c.created_at.desc(), api_keys.c.id))
    return [Key(*row)._replace(scope=Scope(row.scope)) for row in rows]
