"""The container's files: pinned, without secrets, and made of what is here. No engine runs in these tests."""

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from konversi.cli.app import app as commands
from konversi.settings import secret_files

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "deploy" / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "postgres"}
PINNED = re.compile(r"[\w./-]+:\d+\.\d+(\.\d+)?-[\w.-]+")


def instructions():
    """The Dockerfile's instructions with their words."""
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in whole.splitlines()]


def words(name):
    return [rest for instruction, rest in instructions() if instruction == name]


def probes():
    """The Python of each health check."""
    (check,) = words("HEALTHCHECK")
    yield json.loads(check.partition("CMD")[2])[-1]
    yield from (one["healthcheck"]["test"][-1] for one in OURS.values() if "test" in one.get("healthcheck", {}))


def test_every_image_is_pinned():
    assert PINNED.fullmatch(SERVICES["postgres"]["image"])
    bases = [words_.split()[0] for words_ in words("FROM")]
    assert len(bases) == 2
    assert all(PINNED.fullmatch(base) for base in bases)
    assert {one["image"] for one in OURS.values()} == {"konversi:local"}


def test_what_is_installed_is_checked_by_its_hash():
    (third_party,) = [line for line in words("RUN") if "requirements/postgres.txt" in line]
    assert "--require-hashes" in third_party
    own = words("RUN")[-2]
    assert "--no-deps --no-build-isolation ." in own


def test_every_file_that_is_copied_is_there_and_not_ignored():
    kept = {line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"}
    copied = {source for line in words("COPY") if "--from" not in line for source in line.split()[:-1]}
    assert copied == kept
    assert all((ROOT / path).exists() for path in copied)


def test_the_container_runs_as_nobody_in_particular_and_stops_by_sigterm():
    assert words("USER") == ["10001:10001"]
    assert words("STOPSIGNAL") == ["SIGTERM"]
    assert json.loads(words("ENTRYPOINT")[0]) == ["konversi"]


@pytest.mark.parametrize("probe", sorted(set(probes())))
def test_a_health_check_is_python_and_fails_where_nobody_answers(probe):
    ast.parse(probe)
    found = subprocess.run(
        [sys.executable, "-c", probe.replace("127.0.0.1:3000", "127.0.0.1:9")],
        env={"KONVERSI_PORT": "9"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert found.returncode == 1
    assert b"URLError" in found.stderr


def test_two_take_events_one_delivers_and_the_schema_comes_first():
    assert SERVICES["intake"]["command"] == ["serve", "--only", "intake"]
    assert SERVICES["intake"]["deploy"]["replicas"] == 2
    assert SERVICES["delivery"]["command"] == ["serve", "--only", "delivery"]
    assert SERVICES["migrate"]["command"] == ["db", "migrate"]
    for name in ("intake", "delivery"):
        assert SERVICES[name]["depends_on"] == {
            "postgres": {"condition": "service_healthy"},
            "migrate": {"condition": "service_completed_successfully"},
        }


def test_every_service_that_stays_has_a_health_check():
    assert all("test" in SERVICES[name]["healthcheck"] for name in ("postgres", "intake", "delivery"))


def test_secrets_come_from_files_and_stand_nowhere():
    known = {f"{name}_FILE" for name in secret_files()}
    for name, service in SERVICES.items():
        for variable, value in service["environment"].items():
            if variable.endswith("_FILE"):
                assert variable in known or name == "postgres"
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            else:
                assert not re.search("PASSWORD|TOKEN|SECRET|KEY|URL", variable)
    used = {secret for service in SERVICES.values() for secret in service["secrets"]}
    assert used == set(COMPOSE["secrets"])
    assert all(secret["file"] == f"secrets/{name}" for name, secret in COMPOSE["secrets"].items())
    assert "deploy/docker/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_no_port_is_open_to_other_machines():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:3000-3001:3000"]


@pytest.mark.parametrize("name", OURS)
def test_a_container_of_ours_can_change_nothing(name):
    service = OURS[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["stop_grace_period"].removesuffix("s")) >= 45


@pytest.mark.parametrize("name", ["intake", "delivery"])
def test_the_commands_exist(name):
    command, *options = SERVICES[name]["command"]
    found, bound, _ = commands.parse_args([command, *options], exit_on_error=False, print_error=False)
    assert found.__name__ == command
    assert bound.arguments["only"] == name


def test_the_build_installs_into_the_folder_that_is_carried_over():
    (carried,) = [line for line in words("COPY") if "--from=build" in line]
    assert shlex.split(carried)[1:] == ["/opt/konversi", "/opt/konversi"]
    assert all("/opt/konversi/bin/python -m pip" in line for line in words("RUN") if "pip install" in line)
