"""The command line. Data goes to standard output, words to standard error."""

from __future__ import annotations


def main() -> None:
    """Run the command that the arguments name."""
    from konversi.cli.app import run  # noqa: PLC0415 - `konversi --version` needn't load a web server

    raise SystemExit(run())
