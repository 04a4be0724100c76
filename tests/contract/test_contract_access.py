"""Users, sessions, keys and the record of changes, on every database, with a clock that a test moves."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from konversi.access import limits
from konversi.access.acting import Action, Actor, acting, note
from konversi.access.entrance import entrance
from konversi.access.login import Asking, LoginRefused, TooManyLogins
from konversi.access.roles import Role, Scope
from konversi.access.sessions import IDLE, LONGEST
from konversi.access.users import LastAdmin, UserThere, UserUnknown
from konversi.access.welcome import GOOD_FOR, LinkOver
from konversi.database.opening import open_database
from outboxes import kept_in

WORDS = "correct horse battery"
HOME, ELSEWHERE = "203.0.113.9", "198.51.100.7"


class Moved:
    now = 1_800_000_000.0


@pytest.fixture
def opened(url):
    @asynccontextmanager
    async def opening():
        database = await open_database(url)
        time = Moved()
        try:
            yield entrance(database, [b"k" * 32], lambda: time.now), time
        finally:
            await database.aclose()

    return opening


def asking(name="sari", password=WORDS, address=HOME, cookie=None):
    return Asking(name, password, address, "a browser", cookie)


async def test_who_logs_in_gets_a_session_that_ends_when_idle_and_after_a_week(opened, url):
    async with opened() as (door, time):
        await door.users.add("Sari ", WORDS, Role.OPERATOR)
        secret = await door.login.log_in(asking())
        found = await door.sessions.find(secret)
        assert (found.name, found.role, found.address) == ("sari", Role.OPERATOR, HOME)
        kept = kept_in(url)
        assert secret.encode() not in kept
        assert WORDS.encode() not in kept
        began = time.now
        while time.now < began + LONGEST - IDLE:
            time.now += IDLE - 1
            assert await door.sessions.find(secret) is not None
        time.now = began + LONGEST
        assert await door.sessions.find(secret) is None
        idle = await door.login.log_in(asking())
        time.now += IDLE
        assert await door.sessions.find(idle) is None
        await door.forget(time.now, 365)
        assert await door.sessions.of("sari") == []


async def test_a_login_ends_the_session_of_the_cookie_before_it(opened):
    async with opened() as (door, _):
        await door.users.add("sari", WORDS, Role.VIEWER)
        first = await door.login.log_in(asking())
        second = await door.login.log_in(asking(cookie=first))
        third = await door.login.log_in(asking(cookie="planted-by-a-stranger"))
        assert len({first, second, third, "planted-by-a-stranger"}) == 4
        assert await door.sessions.find(first) is None
        assert await door.sessions.find("planted-by-a-stranger") is None
        assert await door.sessions.find(second) is not None


async def test_a_new_role_counts_at_once_and_a_new_password_ends_the_other_sessions(opened):
    async with opened() as (door, _):
        await door.users.add("root", WORDS, Role.ADMIN)
        await door.users.add("sari", WORDS, Role.VIEWER)
        one, other = [await door.login.log_in(asking()) for _ in range(2)]
        await door.users.give_role("sari", Role.OPERATOR)
        found = await door.sessions.find(one)
        assert found.role is Role.OPERATOR
        await door.users.give_password("sari", f"{WORDS} staple", keep=found.digest)
        assert await door.sessions.find(one) is not None
        assert await door.sessions.find(other) is None
        await door.users.remove("sari")
        assert await door.sessions.find(one) is None


async def test_there_is_always_an_admin(opened):
    async with opened() as (door, _):
        await door.users.add("root", WORDS, Role.ADMIN)
        with pytest.raises(LastAdmin):
            await door.users.remove("root")
        with pytest.raises(LastAdmin):
            await door.users.give_role("root", Role.VIEWER)
        with pytest.raises(UserThere):
            await door.users.add("ROOT", WORDS, Role.VIEWER)
        with pytest.raises(UserUnknown):
            await door.users.give_role("nobody", Role.ADMIN)


async def test_five_wrong_passwords_close_the_way_from_that_address_and_no_other(opened):
    async with opened() as (door, time):
        await door.users.add("sari", WORDS, Role.VIEWER)
        refused = await asyncio.gather(
            *(door.login.log_in(asking(password=f"wrong {n}")) for n in range(8)), return_exceptions=True
        )
        assert [type(one) for one in refused].count(LoginRefused) == 5
        assert [type(one) for one in refused].count(TooManyLogins) == 3
        with pytest.raises(TooManyLogins) as closed:
            await door.login.log_in(asking())
        assert 0 < closed.value.retry_after <= limits.WINDOW
        assert await door.login.log_in(asking(address=ELSEWHERE))
        time.now += limits.WINDOW
        assert await door.login.log_in(asking())


async def test_an_unknown_name_is_hashed_for_as_long_and_not_remembered(opened):
    async with opened() as (door, _):
        await door.users.add("sari", WORDS, Role.VIEWER)
        with acting(Actor("", "nobody", HOME)) as one:
            for name in ("sari", "hunter2 was my password"):
                with pytest.raises(LoginRefused):
                    await door.login.log_in(asking(name=name, password="wrong one here"))
        assert [deed.subject for deed in one.deeds] == ["sari", ""]


async def test_a_first_link_works_once_within_an_hour_and_only_while_nobody_is_there(opened, url):
    async with opened() as (door, time):
        late = await door.welcome.link()
        time.now += GOOD_FOR
        assert not await door.welcome.good(late)
        secret = await door.welcome.link()
        assert secret.encode() not in kept_in(url)
        tried = await asyncio.gather(
            *(door.welcome.use(secret, f"root{n}", WORDS) for n in range(3)), return_exceptions=True
        )
        assert [type(one) for one in tried].count(LinkOver) == 2
        assert [user.role for user in await door.users.all()] == [Role.ADMIN]
        assert await door.welcome.link() is None
        with pytest.raises(LinkOver):
            await door.welcome.use(secret, "more", WORDS)


async def test_a_key_is_held_by_its_digest_until_it_is_revoked(opened, url):
    async with opened() as (door, time):
        secret, key = await door.keys.create("bot", Scope.SEND)
        assert [one.id for one in door.keys.held.values()] == [key.id]
        assert secret.encode() not in kept_in(url)
        assert secret.startswith(key.prefix)
        door.keys.used.add(key.id)
        time.now += 60
        await door.keys.write_down()
        assert [one.used_at for one in await door.keys.all()] == [time.now]
        await door.keys.revoke(key.id)
        assert not door.keys.held
        await door.keys.load()
        assert not door.keys.held


async def test_what_one_call_did_is_one_row_for_each_kind_of_change(opened):
    async with opened() as (door, time):
        with acting(Actor("sari", "user", HOME)) as one:
            for number in range(120):
                note(Action.REPLAY, f"rc_{number}")
            note(Action.USER_ADDED, "budi", role="viewer")
            await door.audit.keep(one)
        shown = {row["action"]: row for row in await door.audit.shown(10)}
        assert shown["replay"]["details"]["number"] == 120
        assert len(shown["replay"]["details"]["first"]) == 50
        assert (shown["user_added"]["subject"], shown["user_added"]["details"]) == ("budi", {"role": "viewer"})
        newest = (await door.audit.shown(1))[0]["id"]
        assert [row["id"] for row in await door.audit.shown(10, newest)] == [newest - 1]
        time.now += 366 * 86_400
        await door.forget(time.now, 365)
        assert await door.audit.shown(10) == []
