"""`konversi datasets`, as people run it: at a running gateway, and in the database where none runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SECONDS = 60
SPA, STUDIO, OWN = "1000000003", "1000000002", "1234567890"
WABA, PAGE = "102290129340398", "203390129340398"
TOKEN, BAD_TOKEN = "EAAspaTokenNeverShown123", "invalid-token-of-the-spa"


@pytest.fixture
def run(tmp_path, meta_sandbox, commands):
    """Run a command in an empty folder, where no gateway runs, with a token in `token.txt`."""
    (tmp_path / "token.txt").write_text(f"{TOKEN}\n")
    (tmp_path / "bad.txt").write_text(BAD_TOKEN)
    shown = []

    def running(*arguments, given: bytes = b"", **settings):
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("META_", "KONVERSI_"))}
        surroundings = {"META_GRAPH_URL": meta_sandbox.graph_url, "KONVERSI_PORT": "1", **settings}
        done = commands.run(list(arguments), cwd=tmp_path, env={**kept, **surroundings}, given=given)
        assert b"Traceback" not in done.stderr, done.stderr
        shown.append(done.stdout + done.stderr)
        return done

    yield running
    assert not [text for text in shown if TOKEN.encode() in text or BAD_TOKEN.encode() in text]
    files = [path for path in (tmp_path / ".konversi").glob("*") if path.is_file()]
    assert not [path.name for path in files if TOKEN.encode() in path.read_bytes()]


def listed(run, **settings):
    return {one["id"]: one for one in json.loads(run("datasets", "list", "--json", **settings).stdout)["datasets"]}


def test_a_dataset_is_added_listed_checked_and_removed_where_no_gateway_runs(run):
    done = run("datasets", "add", SPA, "--token-file", "token.txt", "--name", "Spa", "--on-in-doubt", "hold")
    assert done.returncode == 0, done.stderr
    assert b"Meta knows it" in done.stderr
    found = listed(run)[SPA]
    assert (found["name"], found["on_in_doubt"], found["has_token"], found["fault"]) == ("Spa", "hold", True, None)
    assert SPA.encode() in run("datasets", "list").stdout
    assert run("datasets", "check", SPA).returncode == 0
    assert run("datasets", "remove", SPA).returncode == 0
    assert listed(run) == {}


def test_the_token_can_come_through_a_pipe_but_is_no_argument(run):
    assert run("datasets", "add", SPA, given=TOKEN.encode() + b"\n").returncode == 0
    assert listed(run)[SPA]["has_token"]
    assert run("datasets", "add", STUDIO, "--token-file", "-", given=TOKEN.encode()).returncode == 0
    assert run("datasets", "add", STUDIO, "--token", "x" * 20).returncode == 2


def test_a_token_that_meta_does_not_take_is_kept_and_said_with_its_remedy(run):
    done = run("datasets", "add", SPA, "--token-file", "bad.txt")
    assert done.returncode == 1
    assert b"Invalid access token" in done.stderr
    assert run("datasets", "add", STUDIO, "--token-file", "token.txt").returncode == 0
    checked = run("datasets", "check", "--json")
    assert checked.returncode == 1
    said = json.loads(checked.stdout)
    assert [(one["id"], one["ok"]) for one in said["datasets"]] == [(SPA, False), (STUDIO, True)]
    assert "konversi datasets add" in said["datasets"][0]["fault"]
    assert run("datasets", "check", STUDIO).returncode == 0
    assert run("datasets", "add", SPA, "--token-file", "token.txt").returncode == 0
    assert run("datasets", "check").returncode == 0


def test_a_whatsapp_accounts_own_dataset_is_made_and_linked_with_its_numbers(run):
    done = run(
        "datasets", "link-waba", WABA, "--number", "+62 812-3456-7890", "--number", "110022003300",
        "--token-file", "token.txt", "--name", "Spa", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    linked = {"channel": "whatsapp", "account": WABA, "lines": ["+6281234567890", "110022003300"]}
    assert found["accounts"] == [linked]
    assert listed(run)[found["id"]]["accounts"] == [linked]
    again = run("datasets", "link-waba", WABA, "--json")  # the token is known by now
    assert json.loads(again.stdout)["id"] == found["id"]


@pytest.mark.parametrize(
    ("command", "account", "channel"),
    [("link-page", PAGE, "messenger"), ("link-instagram", "17841400000000001", "instagram")],
)
def test_pages_and_instagram_accounts_are_linked_alike(run, command, account, channel):
    done = run("datasets", command, account, "--token-file", "token.txt", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accounts"] == [{"channel": channel, "account": account, "lines": []}]


def test_an_account_is_linked_to_the_dataset_that_was_named(run, meta_sandbox):
    done = run("datasets", "link-waba", WABA, "--dataset", SPA, "--token-file", "token.txt")
    assert done.returncode == 0, done.stderr
    assert listed(run)[SPA]["accounts"][0]["account"] == WABA
    assert not [one for one in meta_sandbox.requests() if one["path"].endswith("/dataset")]


def test_with_the_settings_token_the_own_dataset_is_linked_without_keeping_it_twice(run, meta_sandbox):
    meta_sandbox.declare(f"{OWN}:a-good-token:waba={WABA}")
    settings = {"META_PIXEL_ID": OWN, "META_CONVERSION_API_TOKEN": "a-good-token"}
    assert run("datasets", "link-waba", WABA, **settings).returncode == 0
    found = listed(run, **settings)
    assert (found[OWN]["from"], found[OWN]["accounts"][0]["account"]) == ("settings", WABA)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "12", "--token-file", "token.txt"), b"id: must be 5 to 20 digits"),
        (("add", SPA, "--token-file", "nowhere.txt"), b"nowhere.txt"),
        (("add", SPA, "--token-file", "/dev/null"), b"token: must be"),
        (("link-waba", "../me", "--token-file", "token.txt"), b"account: must be"),
        (("link-waba", WABA, "--number", "0812", "--token-file", "token.txt"), b"lines.0: must be a number as +62"),
        (("link-waba", WABA), b"token: is required"),
        (("link-waba", WABA, "--token-file", "bad.txt"), b"Invalid access token"),
        (("link-waba", WABA, "--dataset", SPA), b"There is no such dataset"),
        (("check", SPA), b"There is no such dataset"),
        (("remove", SPA), b"There is no such dataset"),
    ],
)
def test_what_can_not_be_done_is_said_and_changes_nothing(run, arguments, said):
    done = run("datasets", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert listed(run) == {}


def test_doctor_checks_every_dataset(run):
    run("datasets", "add", SPA, "--token-file", "token.txt")
    run("datasets", "add", STUDIO, "--token-file", "bad.txt")
    done = run("doctor", "--json")
    assert done.returncode == 1
    found = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert found[f"dataset {SPA}"]["mark"] == "ok"
    assert found[f"dataset {STUDIO}"]["mark"] == "fault"
    assert "konversi datasets add" in found[f"dataset {STUDIO}"]["remedy"]
    assert found["token"]["mark"] == "warning"  # no default dataset, which is no fault beside others


def test_another_installations_secret_is_said_with_its_remedy(run, tmp_path):
    run("datasets", "add", SPA, "--token-file", "token.txt")
    done = run("datasets", "check", KONVERSI_SECRET="another-secret-than-before")
    assert done.returncode == 78
    assert b"accept-secret" in done.stderr


def test_the_commands_speak_to_the_running_gateway(tmp_path, run, served):
    settings = served()
    assert run("datasets", "add", SPA, "--token-file", "token.txt", **settings).returncode == 0
    assert SPA in listed(run, **settings)
    assert run("datasets", "check", **settings).returncode == 0
    done = run("datasets", "link-waba", WABA, "--token-file", "token.txt", "--json", **settings)
    assert json.loads(done.stdout)["accounts"][0]["account"] == WABA
    refused = run("datasets", "remove", STUDIO, **settings)
    assert refused.returncode == 1
    assert b"There is no such dataset" in refused.stderr
    assert run("datasets", "list").returncode == 1  # the gateway has the database, at another port than this one's
    sent = run("send", "Lead", "--phone", "0812-3456-7890", "--json", **settings)
    assert json.loads(sent.stdout)["state"] == "waiting"  # nothing says which dataset it belongs to
    assert run("datasets", "remove", SPA, **settings).returncode == 0


def test_a_gateway_that_was_named_and_is_not_there_is_not_replaced_by_the_database(run, tmp_path):
    done = run("datasets", "list", KONVERSI_URL="http://127.0.0.1:1")
    assert done.returncode == 1
    assert b"did not answer" in done.stderr
    assert not (tmp_path / ".konversi").exists()


@pytest.fixture
def served(tmp_path, meta_sandbox):
    """Start a gateway in the folder of the commands; gives the settings that reach it."""
    processes = []

    def serve():
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("META_", "KONVERSI_"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "konversi", "serve", "--port", "0"],
            cwd=tmp_path,
            env={**kept, "META_GRAPH_URL": meta_sandbox.graph_url},
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        line = next(line for line in process.stderr if "listens on" in line)
        return {"KONVERSI_URL": line.split("listens on ")[1].split()[0]}

    yield serve
    for process in processes:
        process.terminate()
        said = process.communicate(timeout=SECONDS)[1]
        assert TOKEN not in said
