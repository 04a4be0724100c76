"""A local Meta inside this process, in a thread of its own."""

from __future__ import annotations

import json
import threading
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode, urlsplit

from konversi.sandbox.app import LocalMeta
from konversi.sandbox.datasets import Datasets
from konversi.sandbox.ledger import Ledger
from konversi.sandbox.server import Server, listen

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SECONDS = 10.0


class Sandbox:
    """A context manager; `graph_url` is where the Graph API is."""

    def __init__(self, *, ledger: Path | None = None, datasets: Sequence[str] = ()) -> None:
        self._ready = threading.Event()
        self._ledger = Ledger(ledger)
        meta = LocalMeta(self._ledger, Datasets(datasets))
        self._server = Server(meta, when_ready=self._ready.set)
        self._listener, self.graph_url = listen("127.0.0.1", 0)
        self._thread = threading.Thread(target=self._serve, name="konversi-sandbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_SECONDS):
            raise TimeoutError("The local Meta did not start in time.")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(_SECONDS)

    def events(self, **filters: Any) -> list[dict[str, Any]]:
        """What it accepted, oldest first: the ledger's lines. Filters: event_id, dataset, since, limit."""
        lines: list[dict[str, Any]] = self._ask("GET", f"/_sandbox/events?{urlencode(filters)}")["events"]
        return lines

    def counts(self) -> dict[str, int]:
        """`events`, `requests` and `distinct`."""
        counted: dict[str, int] = self._ask("GET", "/_sandbox/counts")
        return counted

    def fault(self, kind: str, requests: int | None = None, **more: Any) -> list[dict[str, Any]]:
        """Misbehave for that many requests, or until cleared; answers with all faults that are set."""
        faults: list[dict[str, Any]] = self._ask(
            "POST", "/_sandbox/faults", {"kind": kind, "requests": requests, **more}
        )
        return faults

    def dataset(self, specification: str) -> None:
        """Name a dataset, `ID[:waba=ID][:page=ID][:locale=id]`; from then on only named ones exist."""
        self._ask("POST", "/_sandbox/datasets", {"dataset": specification})

    def clear(self) -> None:
        """Forget the events, the faults and the datasets' names."""
        for what in ("faults", "events", "datasets"):
            self._ask("DELETE", f"/_sandbox/{what}")

    def _serve(self) -> None:
        with self._listener, self._ledger:
            self._server.run(sockets=[self._listener])

    def _ask(self, method: str, path: str, given: dict[str, Any] | None = None) -> Any:
        connection = HTTPConnection(urlsplit(self.graph_url).netloc, timeout=_SECONDS)
        try:
            connection.request(method, path, json.dumps(given) if given else None)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise ValueError(answer["error"])
        return answer
