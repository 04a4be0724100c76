"""Passwords: argon2id in a few threads of its own, so that nobody who tries many takes the machine."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from konversi.errors import KonversiError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

SHORTEST, LONGEST = 12, 1_024  # characters
_AT_ONCE, _MOST_WAITING = 2, 16  # of 46 MiB each
_HASHER = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)  # the first of OWASP's choices
# Of a password that nobody knows: an unknown name takes as long as a known one.
NOBODYS = "$argon2id$v=19$m=47104,t=1,p=1$c8UIvE4ibpGSAQEBWzcVkA$Ldnwdv++LwTmlgO0IIml9u9SJtZm4YDveJmpe23oaRM"


class WeakPassword(KonversiError):
    """The password is too easy to guess, or too long.

    Take 12 to 1,024 characters that are not your user name: four or five words that have nothing to do with each other.
    """

    code = "weak_password"
    status = 422


class LoginsCrowded(KonversiError):
    """More people log in at once than can be checked.

    Try again in a moment.
    """

    code = "logins_crowded"
    status = 503
    retry_after = 5


class Passwords:
    """Hashes and compares."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")
        self._under_way = 0

    async def hashed(self, password: str) -> str:
        """What is stored of it. Raises `LoginsCrowded`."""
        return await self._apart(partial(_HASHER.hash, password))

    async def match(self, password: str, stored: str | None) -> bool:
        """Whether it is the one; with nothing stored it takes as long, and is not. Raises `LoginsCrowded`."""
        same = await self._apart(partial(_verified, password, stored or NOBODYS))
        return same and stored is not None

    async def _apart(self, work: Callable[[], T]) -> T:
        if self._under_way >= _AT_ONCE + _MOST_WAITING:
            raise LoginsCrowded
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1


def check(password: str, name: str) -> str:
    """The password, if it is fit. Raises `WeakPassword`."""
    if not SHORTEST <= len(password) <= LONGEST or password.strip().lower() in {name, name[::-1]}:
        raise WeakPassword
    if len(set(password)) < 5:  # noqa: PLR2004 - one letter twelve times
        raise WeakPassword
    return password


def outdated(stored: str) -> bool:
    """Whether it was hashed more weakly than is done now."""
    return _HASHER.check_needs_rehash(stored)


def _verified(password: str, stored: str) -> bool:
    try:
        return _HASHER.verify(stored, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
