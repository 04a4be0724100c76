"""Runs coroutines in tests, each in an event loop of its own and never for ever."""

import asyncio
import inspect
from contextlib import AsyncExitStack, _AsyncGeneratorContextManager, suppress

import pytest

with suppress(ModuleNotFoundError):  # the agents' environments do without it
    from hypothesis import settings

    # How long a case takes is the machine's affair, and whoever else is busy on it.
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


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
