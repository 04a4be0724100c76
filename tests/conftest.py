"""Runs coroutines in tests, each in an event loop of its own and never for ever; and makes new databases quickly."""

import asyncio
import inspect
import socket
from contextlib import AsyncExitStack, _AsyncGeneratorContextManager, suppress
from functools import cache

import pytest

from certificates import read_once

with suppress(ModuleNotFoundError):  # the agents' environments do without it
    from hypothesis import settings

    # How long a case takes is the machine's affair, and whoever else is busy on it.
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    """Where `--reruns` is given, each worker tells the first process of each test in two small messages.

    The second is not to wait for the kernel's answer to the first: that took each of ten thousand tests 40 ms.
    """
    told = getattr(getattr(config, "failures_db", None), "sock", None)
    if told is not None:
        told.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _run(coroutine, seconds=10):
    async def in_time():
        async with asyncio.timeout(seconds):
            return await coroutine

    return asyncio.run(in_time())


@pytest.fixture(scope="session")
def run():
    """`run(coroutine, seconds=10)`: its result, or `TimeoutError`."""
    return _run


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """A test that is a coroutine function is simply run, within 30 seconds.

    A fixture that gives an `@asynccontextmanager`'s manager is entered for it.
    """
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    _run(
        _with_entered(pyfuncitem.obj, {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}),
        30,
    )
    return True


async def _with_entered(test, arguments):
    async with AsyncExitStack() as stack:
        for name, value in arguments.items():
            if isinstance(value, _AsyncGeneratorContextManager):
                arguments[name] = await stack.enter_async_context(value)
        await test(**arguments)


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once():
    with suppress(ModuleNotFoundError):
        read_once()


@pytest.fixture(scope="session", autouse=True)
def servers_end_soon():
    """Whatever the state of its connections, uvicorn rests a tenth of a second at its end, and looks ten times a second
    whether it comes: a thousand tests waited for that.
    """
    try:
        from uvicorn import server
    except ModuleNotFoundError:  # an environment with less in it
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "asyncio", _Restless())
        yield


@pytest.fixture(scope="session", autouse=True)
def listeners_end_soon():
    """Whoever closes a PostgreSQL database waits until its listener has looked up: hundreds of tests did."""
    try:
        from konversi.database import postgres_signals
    except ModuleNotFoundError:  # an environment with less in it
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_signals, "_LISTEN_SECONDS", 0.02)
        yield


class _Restless:
    """Stands for the module `asyncio` where it rests too long."""

    def __getattr__(self, name):
        return getattr(asyncio, name)

    async def sleep(self, _seconds):
        await asyncio.sleep(0.005)


@pytest.fixture(scope="session", autouse=True)
def migrations_run_once():
    """What they make of a new SQLite file is copied to the next ones: 3 ms instead of 90, two thousand times.

    Tests of the migrations call `konversi.database.schema.upgrade` themselves, or start a process.
    """
    try:
        from konversi.database import schema, sqlite_database
    except ModuleNotFoundError:  # an environment with less in it
        yield
        return

    def upgrade(connection):
        if schema.revision(connection) is not None:
            return schema.upgrade(connection)
        for statement in _new_schema():
            connection.exec_driver_sql(statement)
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite_database, "upgrade", upgrade)
        yield


@cache
def _new_schema():
    """The statements that make a new database what the migrations make of it."""
    from sqlalchemy import create_engine

    from konversi.database.schema import upgrade

    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        upgrade(connection)
        connection.commit()
        made = [*connection.connection.driver_connection.iterdump()]
    engine.dispose()
    return [statement for statement in made if statement not in ("BEGIN TRANSACTION;", "COMMIT;")]
