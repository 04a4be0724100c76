"""`konversi db migrate`, `check` and `accept-secret`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from konversi.cli.findings import Mark, show
from konversi.cli.findings import sound as all_sound
from konversi.cli.printing import as_json as print_json
from konversi.cli.printing import words
from konversi.database import installation
from konversi.database.direct import migrated, owning, transaction
from konversi.database.schema import revision
from konversi.database.secret import fingerprint, readings

if TYPE_CHECKING:
    from konversi.settings import Settings


def migrate(settings: Settings, *, as_json: bool) -> int:
    """Bring the schema up to date."""
    with owning(settings.database) as connection:
        before = migrated(connection)
        after = revision(connection)
    if as_json:
        print_json({"from": before, "to": after})
    elif before == after:
        words(f"The database is at schema {after} already.")
    else:
        words(f"The database was {f'at schema {before}' if before else 'empty'}, and is at {after} now.")
    return 0


def check(settings: Settings, *, as_json: bool) -> int:
    """All checks of the database; exit status 1 where one found a fault."""
    from konversi.cli.database_checks import findings_of  # noqa: PLC0415 - rarely needed

    findings = list(findings_of(settings))
    sound = all_sound(findings)
    if as_json:
        print_json({"ok": sound, "checks": [finding._asdict() for finding in findings]})
        return 0 if sound else 1
    show(findings)
    warned = any(finding.mark is Mark.WARNING for finding in findings)
    words(("It works; mind the warnings." if warned else "All is well.") if sound else "Mend the faults above.")
    return 0 if sound else 1


def accept_secret(settings: Settings, *, as_json: bool) -> int:
    """Let the secret of the settings be that of the database."""
    given = fingerprint(readings(settings)[0])
    with owning(settings.database) as connection:
        migrated(connection)
        with transaction(connection):
            changed = installation.fact(connection, installation.SECRET) != given
            installation.keep(connection, installation.SECRET, given)
    if as_json:
        print_json({"changed": changed})
    elif changed:
        words("The database goes with this secret from now on. Add the datasets' tokens again: konversi datasets add")
    else:
        words("It is this database's secret already.")
    return 0
