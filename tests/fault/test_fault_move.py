"""A move to PostgreSQL that is killed at any moment goes on where it stopped, and ends with the same rows."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from random import Random

import psycopg
import pytest
from sqlalchemy import Boolean, Float, Integer, LargeBinary, SmallInteger, String

from konversi.database.direct import migrated, owning, transaction
from konversi.database.slots import Slots
from konversi.outbox.staging import Staged, file_beside, taken_over
from konversi.outbox.states import State
from konversi.wiring.stores import all_tables
from outboxes import new_event
from postgres import server
from processes import SECONDS, until

pytestmark = pytest.mark.fault
MANY = 60_000
FEW = 300
STAGED = 3  # events that a process left when it was killed
LETTERS = "aZ09 _-|\\\t\n'\"äß漢字🙂\u2028"


def value_of(column, number, chance):  # noqa: PLR0911 - one for each kind
    """Something that fits the column; keys are told apart by the number."""
    kind = column.type
    if column.nullable and chance.random() < 0.2:
        return None
    if column.name == "state":
        return chance.choice(list(State)).value
    if column.name == "attempts":
        return "".join(f"{chance.randrange(9)}," for _ in range(chance.randrange(3)))
    if isinstance(kind, LargeBinary):
        return number.to_bytes(8, "big") + chance.randbytes((kind.length or 300) - 8)
    if isinstance(kind, String):
        text = "".join(chance.choices(LETTERS, k=chance.randrange(12)))
        return f"{number}:{text}"[: kind.length or 100]
    if isinstance(kind, Float):
        return chance.choice([chance.random() * 2e9, float(number), -1e-300, 1e16, 1.7e308])
    if isinstance(kind, Boolean):
        return chance.randrange(2)
    assert isinstance(kind, Integer)
    return number if column.primary_key else chance.randrange(2**15 if isinstance(kind, SmallInteger) else 2**31)


def fill(path, chance):
    with owning(f"sqlite:///{path}") as connection:
        migrated(connection)
    with closing(sqlite3.connect(path)) as connection:
        for table in all_tables():
            if table.name == "installation":
                connection.execute("INSERT INTO installation VALUES ('secret', 'a fingerprint')")
                continue
            rows = MANY if table.name in ("events", "queue", "messages") else FEW
            places = ", ".join("?" * len(table.columns))
            connection.executemany(
                f"INSERT INTO {table.name} VALUES ({places})",
                ([value_of(column, number, chance) for column in table.columns] for number in range(1, rows + 1)),
            )
        connection.execute(f"DELETE FROM events WHERE id > {MANY - 5}")  # ids that were given already
        connection.commit()
    with owning(f"sqlite:///{path}") as connection, transaction(connection):
        owner = taken_over(connection, path)
    staged = Slots(file_beside(path), owner)
    for slot in range(STAGED):
        staged.write(slot, Staged(MANY + 1 + slot, 1e9, new_event(f"Lead:{slot}")).packed())
    staged.close(needed=True)


def normal(table, row):
    return tuple(
        bool(value) if isinstance(column.type, Boolean) and value is not None else value
        for column, value in zip(table.columns, row, strict=True)
    )


def rows_of(execute, table, condition):
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    return sorted(map(repr, (normal(table, row) for row in execute(f"SELECT {columns} FROM {table.name} {condition}"))))


def test_kill_9_in_the_middle_of_a_move_loses_and_doubles_no_row(tmp_path):
    seed = Random().randrange(10**9)
    print(f"seed {seed}")
    path = tmp_path / "konversi.db"
    fill(path, Random(seed))
    with server().empty_database() as target:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("META_", "KONVERSI_"))}
        command = [
            sys.executable,
            "-m",
            "konversi",
            "db",
            "move",
            "--to",
            target,
            "--from",
            f"sqlite:///{path}",
            "--json",
        ]

        def started():
            return subprocess.Popen(command, cwd=tmp_path, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        with psycopg.connect(target.replace("+psycopg", ""), autocommit=True) as watcher:

            def progress():
                if watcher.execute("SELECT to_regclass('installation')").fetchone()[0] is None:
                    return None
                row = watcher.execute("SELECT value FROM installation WHERE name = 'move'").fetchone()
                return row and json.loads(row[0])["reached"] if row and row[0] != "done" else None

            seen = []
            for table in ("events", "messages", "queue"):
                process = started()
                try:
                    until(lambda table=table: table in (progress() or {}), f"some of {table} has arrived", SECONDS)
                    process.send_signal(signal.SIGKILL)
                    assert process.wait(SECONDS) == -signal.SIGKILL
                finally:
                    process.kill()
                    process.communicate(timeout=SECONDS)
                seen.append(progress()[table])
            process = started()
            out, errors = process.communicate(timeout=SECONDS * 2)
            assert process.returncode == 0, errors
            assert all(table["equal"] for table in json.loads(out)["tables"])
            assert seen[0] < [MANY - 5]  # it was in the middle

            with closing(sqlite3.connect(path)) as source:
                for table in all_tables():
                    condition = "WHERE name = 'secret'" if table.name == "installation" else ""
                    there = rows_of(lambda query: watcher.execute(query), table, condition)
                    assert rows_of(source.execute, table, condition) == there, table.name
            assert watcher.execute("SELECT count(*) FROM events").fetchone() == (MANY - 5 + STAGED,)
            assert watcher.execute("SELECT nextval('events_id_seq')").fetchone() == (MANY + STAGED + 1,)
            assert watcher.execute("SELECT nextval('journeys_id_seq')").fetchone() == (FEW + 1,)
