"""The local Meta inside a test: starts in a thread, stops cleanly."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from konversi.clock import now as system_now
from konversi.sandbox.declared import declared as read
from konversi.sandbox.faults import Fault
from konversi.sandbox.ledger import Query
from konversi.sandbox.messages import newest_first
from konversi.sandbox.server import MetaServer, address, fast_loop, listen, open_meta
from konversi.sandbox.spend import Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from konversi.sandbox.faults import Kind
    from konversi.sandbox.local import LocalMeta

_PATIENCE = 15.0  # seconds for starting, stopping, and each question
_T = TypeVar("_T")


class Sandbox:
    """A local Meta on a free port of this machine, for the time of a `with` block.

    `ledger` is the file to keep what it receives in, fsynced; without it, it is kept in memory. `datasets` are
    what `declare` takes; without any, each id of 5 to 20 digits is a dataset.
    """

    def __init__(
        self,
        *,
        ledger: Path | None = None,
        datasets: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        now: Callable[[], float] = system_now,
    ) -> None:
        self._open: Callable[[], LocalMeta] = lambda: open_meta(ledger=ledger, datasets=datasets, now=now)
        self._host, self._port = host, port
        self._listening = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop
        self._server: MetaServer
        self._meta: LocalMeta
        self.url = ""

    @property
    def graph_url(self) -> str:
        """What META_GRAPH_URL takes."""
        return self.url

    def start(self) -> Self:
        """Serve from now on.

        Raises:
            OSError: the address or the ledger can't be had.
            ValueError: a dataset can't be read.

        """
        listener = listen(self._host, self._port)
        try:
            self._meta = self._open()
        except BaseException:
            listener.close()
            raise
        self.url = address(listener)
        self._server = MetaServer(self._meta, ready=self._ready)
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="local-meta", daemon=True)
        self._thread.start()
        if not self._listening.wait(_PATIENCE) or self._failed is not None:
            raise RuntimeError("The local Meta did not start.") from self._failed
        return self

    def stop(self) -> None:
        """End, even while requests hang; what was answered is in the ledger."""
        if self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            raise RuntimeError("The local Meta did not stop.")
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def events(
        self,
        *,
        event_id: str | None = None,
        dataset: str | None = None,
        since: float | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """The ledger's entries, oldest first: each has `event`, `sha256`, `dataset`, `received_at` and more."""
        return self._meta.ledger.find(Query(event_id, dataset, since, limit)).entries

    def counts(self) -> dict[str, int]:
        """`events` and `requests` taken, and how many events were `distinct`."""
        return self._inside(self._meta.ledger.counts)

    def requests(self) -> list[dict[str, Any]]:
        """The latest requests to Graph and what came of them, oldest first: `path`, `events`, `status`, `code`."""
        return self._inside(lambda: [seen._asdict() for seen in self._meta.seen])

    def fault(self, kind: Kind, *, requests: int | None = None, **options: Any) -> None:
        """Let something go wrong with the next `requests` requests, or with all until `clear_faults`.

        The options are the fields of `konversi.sandbox.faults.Fault`.

        Raises:
            pydantic.ValidationError: there is no such fault or option.

        """
        fault = Fault(kind=kind, requests=requests, **options)
        self._inside(lambda: self._meta.faults.add(fault))

    def clear_faults(self) -> None:
        self._inside(self._meta.faults.clear)
        self._inside(self._meta.let_go)

    def declare(self, declared: str) -> None:
        """Let a dataset or an account exist; from now on only declared ones do, and those that are made for accounts.

        A dataset is `ID[:TOKEN][:waba=WABA_ID][:page=PAGE_ID][:instagram=ACCOUNT_ID]`. An account that has no dataset
        yet is `waba=ID[:TOKEN]`, `page=ID[:TOKEN]` or `instagram=ID[:TOKEN]`.

        Raises:
            ValueError: it can't be read.

        """
        found = read(declared)
        self._inside(lambda: self._meta.datasets.declare(found))

    def dataset_of(self, account: str) -> str | None:
        """The id of a WhatsApp Business Account's, Page's or Instagram account's dataset, where it has one."""
        found = self._inside(lambda: self._meta.datasets.of_account(account))
        return found.id if found else None

    def messages(self, *, to: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """The newest WhatsApp messages sent through it, newest first: `id`, `to`, `recipient`, `type`, `text`, `body`.

        `to` is the phone or business-scoped user id, as the sender wrote it.
        """
        return self._inside(lambda: newest_first(self._meta.messages, to=to, limit=limit))

    def spend(self, told: dict[str, Any]) -> None:
        """What an ad account's ads cost, instead of what is made up: `account`, `currency` and `rows`.

        Raises:
            pydantic.ValidationError: it can't be read.

        """
        read_spend = Told.model_validate(told)
        self._inside(lambda: self._meta.spending.told.update({read_spend.account: read_spend}))

    def clear(self) -> None:
        """Forget all that was received, and all faults. What exists goes on existing."""
        self.clear_faults()
        self._inside(self._meta.messages.clear)
        self._inside(self._meta.seen.clear)
        self._inside(self._meta.spending.told.clear)
        asyncio.run_coroutine_threadsafe(self._meta.ledger.empty(), self._loop).result(_PATIENCE)

    def _inside(self, act: Callable[[], _T]) -> _T:
        async def acting() -> _T:
            return act()

        return asyncio.run_coroutine_threadsafe(acting(), self._loop).result(_PATIENCE)

    def _ready(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening.set()

    def _serve(self, listener: Any) -> None:
        try:
            with listener, asyncio.Runner(loop_factory=fast_loop()) as runner:
                runner.run(self._server.serve([listener]))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits in `start`
            self._failed = error
        finally:
            self._listening.set()
