"""How the dashboard's files are served, and that each installation finds them."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hindcast.settings import Settings
from hindcast.web.dashboard import Dashboard
from hindcast.web.origin import NO_DASHBOARD, make_origin

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("not yours")
    folder = tmp_path / "pages"
    (folder / "vendor").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Hindcast</title>")
    (folder / "main.js").write_text("export {};")
    (folder / "style.css").write_text("p {}")
    return folder


@pytest.fixture
def client(folder: Path) -> TestClient:
    return TestClient(make_origin([], version="1", dashboard=folder), follow_redirects=False)


def test_the_root_is_the_page_for_whoever_takes_any_form(client: TestClient) -> None:
    for accept in ("text/html,application/xhtml+xml,*/*;q=0.8", "*/*"):
        answer = client.get("/", headers={"Accept": accept})
        assert answer.text.startswith("<!doctype html>")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["vary"] == "Accept"
    assert client.head("/").headers["content-type"] == "text/html; charset=utf-8"


def test_the_root_says_where_to_go_for_whoever_wants_json(client: TestClient) -> None:
    answer = client.get("/", headers={"Accept": "application/json"})
    assert (answer.json()["dashboard"], answer.json()["openapi"]) == ("/", "/openapi.json")
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize(("file", "type"), [("main.js", "text/javascript"), ("style.css", "text/css")])
def test_a_file_has_its_type_and_is_asked_for_again(client: TestClient, file: str, type: str) -> None:
    answer = client.get(f"/dashboard/{file}")
    assert answer.headers["content-type"] == f"{type}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    again = client.get(f"/dashboard/{file}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["vendor", "vendor/", "no.js", "../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt"]
)
def test_folders_and_what_lies_outside_are_not_there(client: TestClient, path: str) -> None:
    answer = client.get(f"/dashboard/{path}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("path", "to"), [("/dashboard", "./"), ("/dashboard/", "../")])
def test_the_folder_itself_leads_to_the_page(client: TestClient, path: str, to: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, to)


@pytest.mark.parametrize("find", [lambda folder: folder / "nowhere", lambda folder: folder / "vendor"])
def test_without_it_the_root_says_so(folder: Path, find: Callable[[Path], Path]) -> None:
    client = TestClient(make_origin([], version="1", dashboard=find(folder)))
    answer = client.get("/", headers={"Accept": "text/html"})
    assert answer.json()["dashboard"] == NO_DASHBOARD
    assert client.get("/healthz").is_success
    assert client.get("/dashboard/main.js").status_code == 404


def test_a_checkout_finds_its_own_and_a_variable_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HINDCAST_DASHBOARD", raising=False)
    assert Settings().dashboard_folder == ROOT / "dashboard"
    assert Dashboard.is_in(Settings().dashboard_folder)
    monkeypatch.setenv("HINDCAST_DASHBOARD", "/opt/hindcast/dashboard")
    assert Settings().dashboard_folder == Path("/opt/hindcast/dashboard")


def test_the_image_has_it_where_its_variable_says() -> None:
    text = (ROOT / "Dockerfile").read_text()
    named = re.search(r"HINDCAST_DASHBOARD=(\S+)", text)
    assert named
    assert f"COPY dashboard {named[1]}\n" in text
    assert "!dashboard" in (ROOT / ".dockerignore").read_text().splitlines()
