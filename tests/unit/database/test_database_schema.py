"""The schema: what the migrations make is what the code's tables say."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

import konversi.wiring  # noqa: F401 - all rooms hang their tables on the metadata
from konversi.database import installation
from konversi.database.metadata import metadata
from konversi.database.schema import HEAD, readable, revision, upgrade
from konversi.database.sqlite import writing_engine
from konversi.database.sqlite_driver import transaction
from konversi.errors import InvalidSettings, SchemaBehind


@pytest.fixture
def connection(tmp_path):
    engine = writing_engine(tmp_path / "new.db")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_the_migrations_make_what_the_tables_say(connection):
    with transaction(connection):
        upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata) == []


def test_the_migrations_make_the_same_indexes_and_constraints(connection):
    with transaction(connection):
        upgrade(connection)
        migrated = connection.exec_driver_sql(
            "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'"
        ).all()
    engine = create_engine("sqlite://")
    with engine.begin() as fresh:
        metadata.create_all(fresh)
        direct = fresh.exec_driver_sql("SELECT type, name, sql FROM sqlite_master").all()
    engine.dispose()

    def plain(rows):
        return {(kind, name): " ".join((sql or "").split()) for kind, name, sql in rows if kind == "index"}

    assert plain(migrated) == plain(direct)
    assert {name for kind, name, _ in migrated if kind == "table"} == {
        name for kind, name, _ in direct if kind == "table"
    }


def test_a_new_database_has_no_revision_and_an_upgraded_one_the_newest(connection):
    with transaction(connection):
        assert revision(connection) is None
        upgrade(connection)
        assert revision(connection) == HEAD
        upgrade(connection)
        assert revision(connection) == HEAD


def test_an_upgrade_that_fails_leaves_nothing_behind(connection):
    def fail():
        with transaction(connection):
            upgrade(connection)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with transaction(connection):
        assert inspect(connection).get_table_names() == []


def made_by_a_newer_version(connection, serves):
    upgrade(connection)
    connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    installation.keep(connection, installation.SERVES, serves)


@pytest.mark.parametrize("serves", ["9998", None])
def test_a_database_of_a_newer_version_is_left_alone(connection, serves):
    with transaction(connection):
        made_by_a_newer_version(connection, serves)
        with pytest.raises(InvalidSettings, match="9999"):
            upgrade(connection)
        with pytest.raises(InvalidSettings, match="9999"):
            readable(connection)


def test_a_newer_schema_that_only_adds_to_this_one_serves_this_version(connection):
    with transaction(connection):
        made_by_a_newer_version(connection, HEAD)
        assert upgrade(connection) == "9999"
        assert revision(connection) == "9999"
        assert readable(connection)


def test_a_version_that_knows_of_no_staged_events_does_not_work_with_a_file_that_may_have_some(connection, monkeypatch):
    with transaction(connection):
        upgrade(connection)
        monkeypatch.setattr("konversi.database.schema.HEAD", "0027")
        with pytest.raises(InvalidSettings, match=HEAD):
            upgrade(connection)


def test_what_the_version_before_left_staged_in_a_table_goes_to_its_place(connection, monkeypatch):
    with transaction(connection):
        with monkeypatch.context() as before:
            before.setattr("konversi.database.schema.HEAD", "0027")
            upgrade(connection)
        connection.exec_driver_sql("INSERT INTO totals VALUES ('accept', 0, 5)")
        columns = "id, dataset, event_name, event_id, event_time, accepted_at, deadline, digest, body, notes, lane"
        connection.exec_driver_sql(
            f"INSERT INTO staged_events ({columns})"
            " VALUES (7, 'default', 'Lead', 'Lead:1', 1, 2.5, 3, x'00', '\u00fc', '[]', 'a lane')"
        )
        upgrade(connection)
        stored = connection.exec_driver_sql(
            "SELECT id, event_id, accepted_at, body, lane, state, due_at, q.deadline, size, batch_limit, tries"
            " FROM events JOIN queue q USING (id)"
        ).one()
        assert stored == (7, "Lead:1", 2.5, "\u00fc", "a lane", "waiting", 2.5, 3, 2, 1_000, 0)
        assert connection.exec_driver_sql("SELECT step, slot, events FROM totals").one() == ("accept", 0, 6)


def test_an_older_schema_is_not_read_but_says_how_to_migrate(connection):
    with transaction(connection):
        assert not readable(connection)
        upgrade(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0002'")
        with pytest.raises(SchemaBehind, match="konversi db migrate"):
            readable(connection)
