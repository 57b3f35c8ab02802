"""One Hindcast per home, one address; each refusal is a sentence."""

import shutil
import socket
import stat
from pathlib import Path

import pytest

from hindcast_standalone.child import CannotStart
from hindcast_standalone.folders import postgres_folder, socket_folder
from hindcast_standalone.home import LOG_BYTES, claimed, listen, log_file, url_of


def test_a_second_hindcast_on_one_home_is_refused_by_a_sentence_that_names_the_first(tmp_path: Path) -> None:
    with (
        claimed(tmp_path, url="http://127.0.0.1:8000"),
        pytest.raises(CannotStart, match=r"runs already .* http://127\.0\.0\.1:8000\)\. Stop that one"),
        claimed(tmp_path, url="http://127.0.0.1:8001"),
    ):
        raise AssertionError("it was let in")
    with claimed(tmp_path, url="http://127.0.0.1:8001") as was_killed:
        assert not was_killed


def test_it_knows_that_the_last_one_was_killed(tmp_path: Path) -> None:
    (tmp_path / "running").write_text("process 1, http://127.0.0.1:8000")
    with claimed(tmp_path, url="http://127.0.0.1:8000") as was_killed:
        assert was_killed


def test_a_home_that_is_no_folder_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(CannotStart, match=r"can't be used: .* HINDCAST_HOME"), claimed(file / "home", url=""):
        raise AssertionError("it was let in")


def test_a_taken_port_is_a_sentence_that_says_what_to_type() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"Port {port} .* in use .* HINDCAST_PORT, such as {port + 1}"):
            listen("127.0.0.1", port)


def test_a_host_that_is_not_ours_is_a_sentence() -> None:
    with pytest.raises(CannotStart, match=r"Can't serve on 192\.0\.2\.1, port 8000"):
        listen("192.0.2.1", 8000)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_the_url_is_one_that_can_be_opened_here(host: str, url: str) -> None:
    assert url_of(host, 8000) == url


def test_a_long_log_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with (tmp_path / "logs" / "worker.log").open("wb") as log:
        log.truncate(LOG_BYTES + 1)
    assert not log_file(tmp_path, "worker").exists()
    assert (tmp_path / "logs" / "worker.log.1").exists()


def test_a_sockets_folder_is_short_and_ours_alone(tmp_path: Path) -> None:
    assert socket_folder(tmp_path) == tmp_path
    short = socket_folder(tmp_path / ("deep" * 30))
    assert len(str(short)) < 60
    assert stat.S_IMODE(short.stat().st_mode) == 0o700
    short.rmdir()


def test_two_homes_have_two_databases(tmp_path: Path) -> None:
    assert postgres_folder(tmp_path / "a") != postgres_folder(tmp_path / "b")


def test_a_home_in_the_place_of_another_has_a_database_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)  # whose databases don't lie in their homes
    home = tmp_path / "home"
    folders: list[Path] = []
    for _ in range(2):
        for _ in range(2):
            with claimed(home, url="here"):
                folders.append(postgres_folder(home))
        shutil.rmtree(home)
    assert folders[0] == folders[1] != folders[2] == folders[3]
