"""The commands of the database, and those that look into it, over PostgreSQL and SQLite."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

import konversi.database.migrations
from konversi.cli.app import run
from konversi.database import installation
from konversi.database.direct import migrated, owning, transaction
from konversi.database.moving import Move, alone
from konversi.database.schema import HEAD, revision
from konversi.database.sqlite import OwnerLock
from konversi.errors import DatabaseMoved, MoveRefused, MoveUnfinished, OtherSecret
from konversi.events.conversion import Conversion
from konversi.intake.dataset_forms import NewDataset
from konversi.settings import load
from konversi.wiring import open_catalogue, open_gateway
from konversi.wiring.stores import all_tables
from outboxes import URLS, until
from postgres import server

BOOKING = {"event": "Lead", "booking_id": "BK-1", "customer": {"phone": "0812-3456-7890"}}


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KONVERSI_PORT", "1")  # nobody listens there
    monkeypatch.setenv("KONVERSI_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()


@pytest.fixture(params=URLS.values(), ids=URLS)
def url(request, tmp_path, monkeypatch):
    """Of a database with the newest schema, as the settings have it."""
    with request.param(tmp_path / "data") as url:
        monkeypatch.setenv("KONVERSI_DATABASE_URL", url)
        assert run(["db", "migrate"]) == 0
        yield url


@pytest.fixture
def empty(monkeypatch):
    with server().empty_database() as url:
        monkeypatch.setenv("KONVERSI_DATABASE_URL", url)
        yield url


def do(url, statement):
    with owning(url) as connection, transaction(connection):
        connection.exec_driver_sql(statement)


async def accept(**given):
    """Start a gateway, report a booking, and stop it."""
    async with open_gateway(load(**given)) as gateway:
        return await gateway.receiver.receive(Conversion.model_validate(BOOKING))


async def add_dataset(number, token):
    async with open_catalogue(load()) as catalogue:
        await catalogue.add(NewDataset(id=number, token=token))


async def started(**given):
    async with open_gateway(load(**given)):
        pass


def said(capsys):
    return json.loads(capsys.readouterr().out)


def checks(capsys, *, status=0, command=("db", "check")):
    capsys.readouterr()
    assert run([*command, "--json"]) == status
    return {(one["check"], one["mark"], one["found"]) for one in said(capsys)["checks"]}


def test_migrate_makes_the_schema_and_says_from_where_to_where(empty, capsys):
    assert run(["db", "migrate", "--json"]) == 0
    assert said(capsys) == {"from": None, "to": HEAD}
    assert run(["db", "migrate"]) == 0
    assert f"at schema {HEAD} already" in capsys.readouterr().err


def test_two_that_migrate_at_once_wait_for_each_other(empty):
    def migrating(_number):
        with owning(empty) as connection:
            return migrated(connection)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(migrating, range(4)))
    assert sorted(found, key=str) == [HEAD, HEAD, HEAD, None]


def test_a_migration_of_sqlite_is_refused_while_a_gateway_runs(tmp_path, capsys):
    assert run(["db", "migrate"]) == 0
    lock = OwnerLock(tmp_path / "data" / "konversi.db")
    assert run(["db", "migrate"]) == 1
    lock.release()
    assert "Another Konversi process" in capsys.readouterr().err


def test_a_sound_database_is_found_sound_but_for_what_the_tests_server_does_without(url, capsys):
    without = set() if url.startswith("sqlite") else {"fsync is off", "full_page_writes is off"}
    found = checks(capsys, status=1 if without else 0)
    assert ("schema", "ok", HEAD) in found
    assert ("consistency", "ok", "the tables agree with each other") in found
    assert {what for _, mark, what in found if mark == "fault"} == without


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            (
                "INSERT INTO queue (id, lane, state, due_at, deadline, batch_limit, size, tries, in_doubt, attempts,"
                " reason) VALUES (7, 'a|live|chat', 'lost', 0, 0, 1, 1, 0, 0, '', '')"
            ),
            {"1 queue rows without their event", "1 queue rows in a state that there isn't"},
        ),
        ("INSERT INTO touches (id, journey, at, account) VALUES (1, 5, 0, '')", {"1 ad clicks without their conversation"}),
        (
            "INSERT INTO attempts (lane, started_at, lease_until, members, events, reason) VALUES ('l', 0, 1, '', 0, '')",
            {"1 attempts that a gateway should have rescued yesterday"},
        ),
    ],
)  # fmt: skip
def test_rows_that_contradict_each_other_are_faults(url, capsys, statement, words):
    do(url, statement)
    found = {what for check, mark, what in checks(capsys, status=1) if (check, mark) == ("consistency", "fault")}
    assert words <= found


def test_a_sequence_behind_its_table_is_a_fault(empty, capsys):
    run(["db", "migrate"])
    do(empty, "INSERT INTO journeys (id, channel, account, opened_at, last_at, messages, tail, user_data)"
              " VALUES (9, 'whatsapp', '', 0, 0, 1, '', '{}')")  # fmt: skip
    assert any("would come twice" in what for _, mark, what in checks(capsys, status=1) if mark == "fault")


def test_settings_of_the_server_that_lose_events_are_faults(empty, capsys):
    run(["db", "migrate"])
    assert ("durability", "ok", "synchronous_commit is on") in checks(capsys, status=1)
    name = make_url(empty).database
    server().execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    assert ("durability", "fault", "synchronous_commit is off") in checks(capsys, status=1)
    assert ("durability", "fault", "fsync is off") in checks(capsys, status=1)


def test_doctor_looks_at_postgresql_instead_of_the_disk(empty, capsys):
    found = {(check, mark) for check, mark, _ in checks(capsys, status=1, command=["doctor"])}
    assert {("encoding", "ok"), ("durability", "ok"), ("connections", "ok"), ("schema", "warning")} <= found
    assert not {check for check, _ in found} & {"storage", "sqlite"}


def test_the_secret_of_the_first_start_is_the_only_one_that_starts(url, capsys):
    asyncio.run(accept(secret="a" * 20))
    asyncio.run(started(secret="a" * 20))
    with pytest.raises(OtherSecret, match="KONVERSI_SECRET"):
        asyncio.run(started(secret="b" * 20))
    assert run(["db", "check", "--json"]) == 1  # there is no secret in the settings at all
    assert not [path for path in load().data_dir.iterdir() if path.name == "secret"]


def test_two_that_start_at_once_with_different_secrets_do_not_both_start(empty):
    async def starting():
        return await asyncio.gather(*(started(secret=letter * 20) for letter in "ab"), return_exceptions=True)

    found = asyncio.run(starting())
    assert sorted(type(one) for one in found if one is not None) == [OtherSecret]


def test_the_file_s_secret_may_also_be_given_as_a_setting(url):
    asyncio.run(started())
    text = (load().data_dir / "secret").read_text()
    asyncio.run(started(secret=text, data_dir=load().data_dir / "elsewhere"))
    with pytest.raises(OtherSecret):
        asyncio.run(started(data_dir=load().data_dir / "elsewhere"))


def test_a_lost_secret_can_be_given_up(url, monkeypatch, capsys):
    asyncio.run(started(secret="a" * 20))
    monkeypatch.setenv("KONVERSI_SECRET", "b" * 20)
    assert run(["db", "accept-secret"]) == 0
    asyncio.run(started())
    capsys.readouterr()
    assert run(["db", "accept-secret", "--json"]) == 0
    assert said(capsys) == {"changed": False}


def test_status_and_events_read_the_database_where_no_gateway_answers(url, capsys):
    asyncio.run(accept())
    capsys.readouterr()
    assert run(["status", "--json"]) == 0
    assert said(capsys)["states"]["waiting"] == 1
    assert run(["events", "list", "--json"]) == 0
    (listed,) = said(capsys)["events"]
    assert run(["events", "show", listed["receipt"], "--json"]) == 0
    assert said(capsys)["event_id"] == "Lead:BK-1"
    assert run(["events", "show", "rc_000000000099"]) == 1
    assert run(["journeys", "list", "--json"]) == 0
    assert run(["datasets", "list"]) == 0


def test_where_there_is_no_schema_yet_no_gateway_was_reached(empty, capsys):
    assert run(["status"]) == 1
    assert "did not answer" in capsys.readouterr().err


def test_an_older_schema_is_not_read(url, capsys):
    do(url, "UPDATE alembic_version SET version_num = '0002'")
    assert run(["status"]) == 78
    assert "konversi db migrate" in capsys.readouterr().err


PASSWORD = "s3cret-and-p4ss"
NOBODY = f"postgresql://konversi:{PASSWORD}@127.0.0.1:1/konversi"


@pytest.mark.parametrize(
    ("url", "status"),
    [
        (NOBODY, 1),
        (f"postgresql://konversi:{PASSWORD}@@127.0.0.1/konversi", 78),
        (f"postgresql://konversi:{PASSWORD}@127.0.0.1:port/konversi", 78),
        (f"postgresql://konversi:{PASSWORD}@127.0.0.1/konversi?nonsense=1", 78),
        (f"postgresql://konversi:{PASSWORD}@127.0.0.1:1/konversi?sslmode=nonsense", 1),
    ],
)
@pytest.mark.parametrize("command", [["status"], ["db", "check"], ["db", "migrate"], ["doctor"], ["datasets", "list"]])
def test_a_server_that_can_not_be_reached_is_said_without_its_password(monkeypatch, capfd, url, status, command):
    monkeypatch.setenv("KONVERSI_DATABASE_URL", url)
    assert run(command) == (1 if command[-1] in ("check", "doctor") else status)
    told = "".join(capfd.readouterr())
    assert "PostgreSQL" in told or "KONVERSI_DATABASE_URL" in told
    assert PASSWORD not in told
    assert "Traceback" not in told


def test_a_wrong_password_is_said_and_not_shown(empty, monkeypatch, capfd):
    server().execute(
        "DO $$ BEGIN CREATE ROLE locked LOGIN CONNECTION LIMIT 0; EXCEPTION WHEN duplicate_object THEN END $$"
    )
    monkeypatch.setenv("KONVERSI_DATABASE_URL", empty.replace("postgres:@", f"locked:{PASSWORD}@"))
    assert run(["status"]) == 1
    told = capfd.readouterr().err
    assert "locked" in told
    assert PASSWORD not in told


WITHOUT_PSYCOPG = (
    "import sys; sys.modules['psycopg'] = None; from konversi.cli.app import run; sys.exit(run(sys.argv[1:]))"
)


def test_without_psycopg_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("KONVERSI_DATABASE_URL", NOBODY)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PSYCOPG, "status"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert 'pip install "konversi[postgres]"' in done.stderr
    assert 'pip install -e ".[postgres]"' in done.stderr


def test_a_move_carries_what_a_gateway_kept_and_leaves_the_source_unusable(tmp_path, monkeypatch, capsys):
    asyncio.run(accept())
    with server().empty_database() as target:
        capsys.readouterr()
        assert run(["db", "move", "--to", target, "--json"]) == 0
        assert said(capsys)["equal"]
        with pytest.raises(DatabaseMoved):
            asyncio.run(started())
        monkeypatch.setenv("KONVERSI_DATABASE_URL", target)
        asyncio.run(started())
        with pytest.raises(OtherSecret):
            asyncio.run(started(secret="b" * 20))
        assert run(["status", "--json"]) == 0
        assert said(capsys)["states"]["waiting"] == 1
        source = f"sqlite:///{tmp_path / 'data' / 'konversi.db'}"
        assert run(["db", "move", "--from", source, "--to", target]) == 0
        assert "moved there before" in capsys.readouterr().err


def test_a_gateway_over_the_target_goes_on_delivering_with_the_datasets_and_the_secret(
    tmp_path, monkeypatch, capsys, meta_sandbox
):
    monkeypatch.setenv("META_GRAPH_URL", meta_sandbox.graph_url)
    monkeypatch.setenv("META_PIXEL_ID", "1234567890")
    asyncio.run(accept())  # without a token it waits
    asyncio.run(add_dataset("1234567890", "a-good-token"))
    with server().empty_database() as target:
        assert run(["db", "move", "--to", target, "--json"]) == 0
        monkeypatch.setenv("KONVERSI_DATABASE_URL", target)

        async def delivering():
            async with open_gateway(load()) as gateway:
                repeat = await gateway.receiver.receive(Conversion.model_validate(BOOKING))
                assert repeat.repeat
                await until(lambda: meta_sandbox.events(event_id="Lead:BK-1"), 20)

        asyncio.run(delivering())
    assert len(meta_sandbox.events(event_id="Lead:BK-1")) == 1


def test_what_was_written_to_since_the_move_began_is_not_equal(tmp_path, capsys):
    asyncio.run(accept())
    source = f"sqlite:///{tmp_path / 'data' / 'konversi.db'}"
    with server().empty_database() as target:
        with owning(source) as here, owning(target) as there:
            migrated(there)
            Move(here, there, all_tables()).carry(lambda _rows: None)
        do(source, "UPDATE events SET notes = 'other'")
        capsys.readouterr()
        assert run(["db", "move", "--to", target, "--json"]) == 1
        tables = {one["table"]: one["equal"] for one in said(capsys)["tables"]}
        assert not tables.pop("events")
        assert all(tables.values())
        with pytest.raises(MoveUnfinished):
            asyncio.run(started(database_url=target))
        asyncio.run(started())  # the source still serves


def test_two_moves_can_not_go_into_one_target(tmp_path, capsys):
    with server().empty_database() as target:
        for name in ("one", "other"):
            with owning(f"sqlite:///{tmp_path / name}") as here, owning(target) as there:
                migrated(here)
                migrated(there)
                if name == "one":
                    Move(here, there, all_tables())
                else:
                    with pytest.raises(MoveRefused, match="another move"):
                        Move(here, there, all_tables())


def test_a_target_that_a_gateway_uses_is_refused():
    refused = pytest.raises(MoveRefused, match="Another Konversi process")
    with server().empty_database() as target, owning(target), owning(target) as there, refused:
        alone(there, patience=0)


def test_a_move_is_refused_while_a_gateway_has_the_source(tmp_path, capsys):
    assert run(["db", "migrate"]) == 0
    lock = OwnerLock(tmp_path / "data" / "konversi.db")
    with server().empty_database() as target:
        assert run(["db", "move", "--to", target]) == 1
    lock.release()


def test_a_move_is_refused_where_the_target_holds_something_else(capsys, monkeypatch):
    assert run(["db", "migrate"]) == 0
    with server().database() as target:
        asyncio.run(accept(database_url=target))
        assert run(["db", "move", "--to", target]) == 1
        assert "holds something already" in capsys.readouterr().err


def test_no_gateway_starts_on_a_target_that_is_not_whole(monkeypatch):
    with server().database() as target:
        with owning(target) as connection, transaction(connection):
            installation.keep(connection, installation.MOVE, json.dumps({"source": "a", "reached": {}}))
        with pytest.raises(MoveUnfinished):
            asyncio.run(started(database_url=target))


def test_a_value_that_postgresql_can_not_hold_is_named_and_not_shown(tmp_path, capsys):
    assert run(["db", "migrate"]) == 0
    with closing(sqlite3.connect(tmp_path / "data" / "konversi.db")) as connection:
        connection.execute("INSERT INTO lines (line, account) VALUES ('+62', ?)", ("a-number-" * 20,))
        connection.commit()
    with server().empty_database() as target:
        assert run(["db", "move", "--to", target]) == 1
        told = capsys.readouterr().err
        assert "lines +62: account is longer than 60 characters" in told
        assert "a-number" not in told


@pytest.mark.parametrize("to", ["sqlite:///other.db", "nonsense"])
def test_only_postgresql_is_a_target(to, capsys):
    assert run(["db", "migrate"]) == 0
    assert run(["db", "move", "--to", to]) == 78


def tables_of(*migrations):
    """The tables that these migrations make."""
    folder = Path(konversi.database.migrations.__file__).parent / "versions"
    texts = [(folder / f"{name}.py").read_text() for name in migrations]
    return {name for text in texts for name in re.findall(r'create_table\(\s*"(\w+)"', text)}


def test_a_database_one_revision_behind_is_upgraded_by_the_gateway_that_starts(empty):
    with owning(empty) as connection:
        migrated(connection)
        with transaction(connection):
            for statement in (
                *(
                    f"DROP TABLE {name}"
                    for name in {table.name for table in all_tables()} - tables_of("0001_outbox", "0002_journeys")
                ),
                "DROP TABLE totals",
                "DROP INDEX ix_attempts_fbtrace_id",
                "ALTER TABLE events DROP COLUMN given",
                "ALTER TABLE events DROP COLUMN customer",
                "ALTER TABLE events DROP COLUMN match_keys",
                "ALTER TABLE events DROP COLUMN worth",
                "CREATE TABLE totals (step varchar(20) PRIMARY KEY, events bigint NOT NULL)",
                "INSERT INTO totals VALUES ('accept', 5)",
                "UPDATE alembic_version SET version_num = '0002'",
            ):
                connection.exec_driver_sql(statement)
    asyncio.run(accept())
    with owning(empty) as connection:
        assert revision(connection) == HEAD
        totals = connection.exec_driver_sql("SELECT sum(events) FROM totals WHERE step = 'accept'").scalar_one()
        assert totals == 6
