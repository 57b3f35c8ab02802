"""docker-compose.yml without a container engine: each of our services is started with the command and environment that
stand there. Replaced are the addresses of PostgreSQL, Redis and of each other, and the volume's path."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import hindcast_embedder.main
import hindcast_scorer.main
import hindcast_trainer.main
from hindcast.settings import Settings
from hindcast_standalone.child import Command, Program, last_lines

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
NGINX = ROOT / "services" / "proxy" / "nginx.conf"
SERVICES: Mapping[str, Any] = yaml.safe_load(FILE.read_text())["services"]
ADDRESSES = {"trainer-api": "trainer", "embedder": "embedder", "scorer": "scorer"}
PATIENCE_SECONDS = 90


def interpolated(value: str) -> str:
    """`${NAME:-default}` where nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


class Deployment:
    """The services of the file, as processes of this machine."""

    def __init__(self, folder: Path, *, postgres_url: str, redis_url: str) -> None:
        self.ports = {service: free_port() for service in ADDRESSES}
        self.folder = folder
        self.replaced = {
            "postgresql://hindcast@postgres:5432/hindcast": postgres_url,
            "redis://redis:6379/0": redis_url,
            "file:///var/lib/hindcast": folder.as_uri(),
            **{f"http://{service}:8000": self.url(service) for service in ADDRESSES},
        }

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def environment(self, service: str) -> dict[str, str]:
        """What stands in the file, and what the image sets."""
        environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HINDCAST_HOME": str(self.folder)}
        environment["HINDCAST_DASHBOARD"] = str(ROOT / "dashboard")
        for name, value in SERVICES[service]["environment"].items():
            environment[name] = self.here(interpolated(value))
        if service in self.ports:
            environment["HINDCAST_PORT"] = str(self.ports[service])
        return environment

    def here(self, text: str) -> str:
        """`text` with the addresses of this machine."""
        for theirs, ours in self.replaced.items():
            text = text.replace(theirs, ours)
        return text

    def program(self, service: str) -> Program:
        arguments = ["env", "-i", *(f"{name}={value}" for name, value in self.environment(service).items())]
        command = Command([*arguments, *SERVICES[service]["command"]], self.folder / f"{service}.log")
        return Program(service, command)

    def run(self, service: str, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment(service), cwd=ROOT, capture_output=True, text=True)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def answer(program: Program, url: str) -> httpx.Response:
    """The answer to GET `url`, as soon as the program listens."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while program.running and time.monotonic() < deadline:
        try:
            return httpx.get(url, timeout=PATIENCE_SECONDS)
        except httpx.ConnectError:
            time.sleep(0.1)
    raise AssertionError(f"{program.name} does not answer:\n{last_lines(program.log, 20)}")


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, postgres_server: Any, redis_server: Any) -> Deployment:
    folder = tmp_path_factory.mktemp("compose")
    postgres_url = postgres_server.create_database(f"compose_{os.getpid()}")
    found = Deployment(folder, postgres_url=postgres_url, redis_url=redis_server.url)
    migrated = found.run("migrate", SERVICES["migrate"]["command"])
    assert migrated.returncode == 0, migrated.stderr
    return found


@pytest.fixture(scope="module")
def running(deployment: Deployment) -> Iterator[dict[str, Program]]:
    programs = {name: deployment.program(name) for name in [*ADDRESSES, "trainer-worker"]}
    for program in programs.values():
        program.start()
    yield programs
    for program in programs.values():
        program.stop()


def test_it_keeps_to_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_only_the_proxy_can_be_reached_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"proxy": ["127.0.0.1:${HINDCAST_PORT:-8000}:8000"]}


def test_every_service_says_when_it_is_well_and_starts_again() -> None:
    lasting = {name: service for name, service in SERVICES.items() if name != "migrate"}
    assert all(service["healthcheck"]["test"] for service in lasting.values())
    assert all(service["restart"] == "unless-stopped" for service in lasting.values())


def test_each_image_is_of_a_service_that_exists_and_runs_unprivileged() -> None:
    built = {service["build"]["args"]["SERVICE"] for service in SERVICES.values() if "build" in service}
    assert built == {"trainer", "embedder", "scorer"}
    assert all((ROOT / "services" / name / "pyproject.toml").exists() for name in built)
    assert (ROOT / "Dockerfile").read_text().rstrip().splitlines()[-1] == "USER hindcast"


def test_the_proxy_sends_each_service_what_it_documents() -> None:
    location = r"location ~ \^/v1/\(([\w|]+)\)\(/\|\$\) \{\s+proxy_pass http://\$(\w+);"
    routed = {service: set(names.split("|")) for names, service in re.findall(location, NGINX.read_text())}
    settings = Settings(database_url="postgresql://", broker_url="redis://")
    mains = {"trainer": hindcast_trainer.main, "embedder": hindcast_embedder.main, "scorer": hindcast_scorer.main}
    for name, main in mains.items():
        paths = main.build(settings).openapi()["paths"]
        assert routed[name] == {path.split("/")[2] for path in paths if path.startswith("/v1/")}


@pytest.mark.parametrize(
    ("service", "path"), [("trainer-api", "/v1/jobs"), ("embedder", "/v1/tables"), ("scorer", "/v1/models")]
)
def test_each_service_answers(deployment: Deployment, running: dict[str, Program], service: str, path: str) -> None:
    found = answer(running[service], deployment.url(service) + path)
    assert found.json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("service", ADDRESSES)
def test_its_health_check_passes(deployment: Deployment, running: dict[str, Program], service: str) -> None:
    answer(running[service], deployment.url(service) + "/healthz")
    _, *command = SERVICES[service]["healthcheck"]["test"]
    checked = deployment.run(
        service, [part.replace("http://127.0.0.1:8000", deployment.url(service)) for part in command]
    )
    assert checked.returncode == 0, checked.stderr


def test_the_workers_health_check_passes_as_soon_as_it_sweeps(
    deployment: Deployment, running: dict[str, Program]
) -> None:
    _, command = SERVICES["trainer-worker"]["healthcheck"]["test"]
    here = ["sh", "-c", command.replace("/var/lib/hindcast", str(deployment.folder))]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while deployment.run("trainer-worker", here).returncode:
        assert running["trainer-worker"].running, last_lines(running["trainer-worker"].log)
        assert time.monotonic() < deadline, last_lines(running["trainer-worker"].log)
        time.sleep(0.1)


def test_the_trainer_answers_for_the_origin(deployment: Deployment, running: dict[str, Program]) -> None:
    for service in ADDRESSES:
        answer(running[service], deployment.url(service) + "/healthz")
    joint = answer(running["trainer-api"], deployment.url("trainer-api") + "/origin/readyz")
    assert joint.json() == {"status": "ready", "services": dict.fromkeys(("trainer", "embedder", "scorer"), "ready")}
    dashboard = answer(running["trainer-api"], deployment.url("trainer-api") + "/origin/")
    assert dashboard.headers["content-type"].startswith("text/html")


def test_the_worker_does_a_job(deployment: Deployment, running: dict[str, Program]) -> None:
    url = deployment.url("trainer-api")
    answer(running["trainer-api"], url + "/healthz")
    posted = httpx.post(f"{url}/v1/corpora", params={"name": "storm", "format": "text"}, content="A storm came.\n" * 30)
    assert posted.status_code == 202, posted.text
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (corpus := httpx.get(f"{url}/v1/corpora/storm").json())["status"] == "ingesting":
        assert time.monotonic() < deadline, last_lines(running["trainer-worker"].log, 20)
        time.sleep(0.2)
    assert corpus["status"] == "ready"
