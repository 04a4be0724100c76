"""The commands of datasets. A token is never an argument: those show in the list of processes and in histories."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from konversi.cli.options import Given, Json, Linking, SecretFile
from konversi.settings import load

Numbers = Annotated[list[str] | None, Parameter(negative="", allow_leading_hyphen=False)]

_NOTHING = Linking()

datasets = App(name="datasets", help="Datasets, their tokens, and whose chats belong to them.", help_format="plaintext")


@datasets.command
def add(
    dataset: str,
    /,
    *,
    token_file: SecretFile = None,
    name: Given = None,
    app_secret_file: SecretFile = None,
    on_in_doubt: Literal["resend", "hold"] | None = None,
    json: Json = False,
) -> int:
    """Add a dataset, or replace its token, then check it (exit status 1 where Meta doesn't take it).

    Example: konversi datasets add 1234567890 --token-file token.txt --name "Bengkel Jaya"

    Parameters
    ----------
    dataset:
        Its id: digits, from Events Manager.
    token_file:
        File that holds the token; `-`, or nothing in a pipe, reads standard input. In a terminal it is asked for.
    name:
        What people call it.
    app_secret_file:
        File that holds the app's secret, where the app has "Require App Secret" switched on.
    on_in_doubt:
        After a send without an answer (KONVERSI_ON_IN_DOUBT where unset).
    json:
        Print JSON for programs.
    """
    from konversi.cli import datasets as command

    given = {
        "id": dataset,
        "token": command.token_from(token_file),
        "name": name,
        "app_secret": command.secret_in(app_secret_file),
        "on_in_doubt": on_in_doubt,
    }
    return command.add(load(), _given(given), as_json=json)


@datasets.command(name="list")
def list_datasets(*, json: Json = False) -> int:
    """List the datasets with their accounts; never a token."""
    from konversi.cli import datasets as command

    return command.show_list(load(), as_json=json)


@datasets.command
def check(dataset: str | None = None, /, *, json: Json = False) -> int:
    """Ask Meta about one dataset or all; say each fault's remedy (then exit status 1).

    Parameters
    ----------
    dataset:
        Its id; all of them where left out.
    json:
        Print JSON for programs.
    """
    from konversi.cli import datasets as command

    return command.check(load(), dataset, as_json=json)


@datasets.command
def remove(dataset: str, /, *, json: Json = False) -> int:
    """Forget a dataset with its token and its accounts; refused while events wait for it.

    Parameters
    ----------
    dataset:
        Its id.
    json:
        Print JSON for programs.
    """
    from konversi.cli import datasets as command

    return command.remove(load(), dataset, as_json=json)


@datasets.command
def link_waba(
    waba: str,
    /,
    *,
    number: Numbers = None,
    linking: Linking = _NOTHING,
    json: Json = False,
) -> int:
    """Find or make the dataset of a WhatsApp Business Account at Meta, and link the account and its numbers to it.

    Example: konversi datasets link-waba 102290129340398 --number +6281234567890 --token-file token.txt

    Parameters
    ----------
    waba:
        The WhatsApp Business Account's id.
    number:
        A phone number of the account, as +62... or its phone_number_id; repeatable.
    linking:
        What is linked to it.
    json:
        Print JSON for programs.
    """
    return _link("whatsapp", waba, number, linking, as_json=json)


@datasets.command
def link_page(
    page: str,
    /,
    *,
    linking: Linking = _NOTHING,
    json: Json = False,
) -> int:
    """Find or make the dataset of a Facebook Page at Meta, for its Messenger chats, and link the Page to it.

    Parameters
    ----------
    page:
        The Page's id.
    linking:
        What is linked to it.
    json:
        Print JSON for programs.
    """
    return _link("messenger", page, None, linking, as_json=json)


@datasets.command
def link_instagram(
    account: str,
    /,
    *,
    linking: Linking = _NOTHING,
    json: Json = False,
) -> int:
    """Find or make the dataset of an Instagram account at Meta, and link the account to it.

    Parameters
    ----------
    account:
        The Instagram account's id.
    linking:
        What is linked to it.
    json:
        Print JSON for programs.
    """
    return _link("instagram", account, None, linking, as_json=json)


def _link(channel: str, account: str, numbers: list[str] | None, linking: Linking, *, as_json: bool) -> int:
    from konversi.cli import datasets as command

    token = command.secret_in(linking.token_file)
    given = _given({"channel": channel, "token": token, "name": linking.name, "lines": numbers})
    return command.link(load(), account, linking.dataset, given, as_json=as_json)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
