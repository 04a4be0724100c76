"""The agent adapters' tests, each on the newest release of its framework in an environment of its own.

In one environment the frameworks hold each other back by years. `make agents` runs all of them, and
`nox --session mcp -- -k cancelled` one. The environments stay: only a changed requirements file needs a network.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import nox

FRAMEWORKS = (
    "pydantic_ai", "langchain", "openai_agents", "google_adk", "genkit", "mcp", "fastmcp", "crewai", "agno",
)  # fmt: skip
ROOT = Path(__file__).parent

nox.needs_version = ">=2026.8.10"  # the first that runs sessions side by side
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"


def adapter(session: nox.Session) -> None:
    """Run one framework's tests; words after `--` go to pytest."""
    install(session, ROOT / "requirements" / "agents" / f"{session.name}.txt")
    session.run("python", "-m", "pytest", f"tests/agents/test_agents_{session.name}.py", *session.posargs)


def install(session: nox.Session, requirements: Path) -> None:
    """Exactly what the file pins, and the project; nothing where the environment has that already."""
    stamp = Path(session.virtualenv.location) / "installed"
    wanted = hashlib.sha256(requirements.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    session.run_install("uv", "pip", "sync", "--quiet", "--require-hashes", str(requirements), external=True)
    session.install("--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
    stamp.write_text(wanted)


@nox.session(allow_parallel=True)
def example(session: nox.Session) -> None:
    """Run the tests of `examples/whatsapp_booking`."""
    install(session, ROOT / "requirements" / "example.txt")
    tests = sorted(str(file) for file in (ROOT / "tests" / "agents").glob("test_agents_example*.py"))
    session.run("python", "-m", "pytest", *tests, *session.posargs, env={"PYTHONPATH": str(ROOT / "examples")})


for framework in FRAMEWORKS:
    nox.session(name=framework, allow_parallel=True)(adapter)
