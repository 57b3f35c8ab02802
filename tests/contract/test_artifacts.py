"""What hindcast.jobs.ports promises of artifacts, held against a local folder and an object store."""

import os
import secrets
import time
from pathlib import Path

import pytest

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.errors import NotFound, Unavailable


@pytest.fixture(params=["file", "memory"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> FileArtifacts:
    urls = {"file": (tmp_path / "store").as_uri(), "memory": f"memory://{secrets.token_hex(4)}/store"}
    return FileArtifacts(urls[request.param], tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    (folder / "train").mkdir(parents=True)
    (folder / "table.json").write_bytes(b"{}")
    (folder / "train" / "tokens.u32").write_bytes(bytes(range(256)))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_folder_comes_back_as_it_was_put(artifacts: FileArtifacts, folder: Path) -> None:
    before = contents(folder)
    assert artifacts.put(folder, "tables/tab_1/1") == 258
    assert contents(artifacts.fetch("tables/tab_1/1")) == before
    assert artifacts.fetch("tables/tab_1/1") == artifacts.fetch("tables/tab_1/1")


def test_a_file_comes_back_as_it_was_put(artifacts: FileArtifacts, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"text")
    assert artifacts.put(tmp_path / "one", "uploads/1") == 4
    assert artifacts.fetch("uploads/1").read_bytes() == b"text"


def test_what_was_streamed_is_there_when_the_block_has_ended_well(artifacts: FileArtifacts) -> None:
    with artifacts.open_write("uploads/1") as stream:
        stream.write(b"one ")
        stream.write(b"two")
        with pytest.raises(NotFound):
            artifacts.fetch("uploads/1")
    assert artifacts.fetch("uploads/1").read_bytes() == b"one two"


def test_what_was_streamed_into_an_error_is_not_there(artifacts: FileArtifacts, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), artifacts.open_write("uploads/1") as stream:
        stream.write(bytes(1 // 0))
    with pytest.raises(NotFound):
        artifacts.fetch("uploads/1")
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


def test_a_key_goes_with_all_below_it(artifacts: FileArtifacts, folder: Path, tmp_path: Path) -> None:
    artifacts.put(folder, "checkpoints/job_1/1-1")
    with artifacts.open_write("checkpoints/job_1/1-2") as stream:
        stream.write(b"x")
    with artifacts.open_write("checkpoints/job_10/1-1") as stream:
        stream.write(b"kept")
    artifacts.fetch("checkpoints/job_1/1-1")
    artifacts.delete("checkpoints/job_1")
    for key in ("checkpoints/job_1/1-1", "checkpoints/job_1/1-2"):
        with pytest.raises(NotFound):
            artifacts.fetch(key)
    assert artifacts.fetch("checkpoints/job_10/1-1").read_bytes() == b"kept"


def test_deleting_what_is_not_there_changes_nothing(artifacts: FileArtifacts) -> None:
    artifacts.delete("tables/none")
    artifacts.delete("tables/none")
    with pytest.raises(NotFound):
        artifacts.fetch("tables/none")


@pytest.mark.parametrize("key", ["/etc/passwd", "../x", "a/../../x", "", ".unfinished/x"])
def test_no_key_leads_out_of_the_store(artifacts: FileArtifacts, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        artifacts.fetch(key)


def test_half_an_upload_to_an_object_store_is_not_there(folder: Path, tmp_path: Path) -> None:
    class Broken(FileArtifacts):
        def _upload(self, source: Path, key: str) -> None:
            self._remote.put_file(str(source / "table.json"), f"{self._root}/{key}/table.json")
            raise OSError("connection reset")

    url = f"memory://{secrets.token_hex(4)}"
    with pytest.raises(Unavailable, match="connection reset"):
        Broken(url, tmp_path / "cache").put(folder, "tables/tab_1/1")
    with pytest.raises(NotFound):
        FileArtifacts(url, tmp_path / "cache").fetch("tables/tab_1/1")


def test_a_local_folder_is_moved_and_read_where_it_lies(folder: Path, tmp_path: Path) -> None:
    artifacts = FileArtifacts((tmp_path / "store").as_uri(), tmp_path / "cache")
    artifacts.put(folder, "tables/tab_1/1")
    assert not folder.exists()
    assert artifacts.fetch("tables/tab_1/1") == tmp_path / "store" / "tables" / "tab_1" / "1"


def test_a_key_is_never_written_twice(folder: Path, tmp_path: Path) -> None:
    artifacts = FileArtifacts((tmp_path / "store").as_uri(), tmp_path / "cache")
    for content in (b"first", b"second"):
        (tmp_path / "one").write_bytes(content)
        if content == b"first":
            artifacts.put(tmp_path / "one", "uploads/1")
    with pytest.raises(FileExistsError):
        artifacts.put(tmp_path / "one", "uploads/1")
    assert artifacts.fetch("uploads/1").read_bytes() == b"first"


def test_what_a_dead_process_left_unfinished_is_removed_after_a_day(artifacts: FileArtifacts, tmp_path: Path) -> None:
    with artifacts.open_write("uploads/1"):
        [unfinished] = tmp_path.rglob(".unfinished")
        for name, age in (("old", 25 * 3600), ("new", 3600)):
            (unfinished / name).mkdir()
            os.utime(unfinished / name, (time.time() - age,) * 2)
    with artifacts.open_write("uploads/2"):
        pass
    assert [left.name for left in unfinished.iterdir()] == ["new"]
