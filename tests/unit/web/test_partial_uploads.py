import time
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hindcast.errors import Conflict, Gone, InvalidInput, NoRoom, NotFound, WrongOffset
from hindcast.web.partial_uploads import BODY, Answer, PartialUpload, PartialUploads, Posted

POSTED = Posted("format=text", {"content-encoding": "gzip"}, None)
ANSWER = Answer(202, [("location", "/v1/corpora/cor_1")], '{"id":"cor_1"}')


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def uploads(tmp_path: Path, clock: Clock) -> PartialUploads:
    return PartialUploads(tmp_path / "uploads", seconds=60, now=clock)


@pytest.fixture
def upload(uploads: PartialUploads) -> PartialUpload:
    return uploads.begin(POSTED)


@given(st.lists(st.tuples(st.integers(0, 12), st.binary(max_size=6), st.booleans())))
def test_it_holds_what_was_added_at_its_end_and_nothing_else(steps: list[tuple[int, bytes, bool]]) -> None:
    """Whatever is tried, by handles that know nothing of each other."""
    with TemporaryDirectory() as folder:
        uploads, kept, whole = PartialUploads(Path(folder), seconds=60), b"", False
        id = uploads.begin(POSTED).id
        for at, content, done in steps:
            upload = uploads.get(id)
            refused = Conflict if whole else WrongOffset if at != len(kept) else None
            with pytest.raises(refused) if refused else nullcontext() as told:
                upload.append(content, at=at)
                upload.settle(at=at + len(content), whole=done)
                kept, whole = kept + content, done
            if refused is WrongOffset:
                assert told is not None
                assert told.value.offset == len(kept)
            assert (uploads.get(id).offset, uploads.get(id).whole) == (len(kept), whole)
        with uploads.get(id).read() as body:
            assert body.read() == kept


def test_what_began_it_is_known_to_whoever_finds_it(uploads: PartialUploads, upload: PartialUpload) -> None:
    assert uploads.get(upload.id).posted == POSTED


def test_its_answer_is_kept_and_its_bytes_are_not(uploads: PartialUploads, upload: PartialUpload) -> None:
    upload.append(b"storm", at=0)
    upload.settle(at=5, whole=True)
    assert upload.answer is None
    upload.end(ANSWER)
    found = uploads.get(upload.id)
    assert (found.answer, found.offset, found.whole) == (ANSWER, 5, True)
    with pytest.raises(NotFound):
        found.read()
    with pytest.raises(NotFound):
        found.append(b"", at=5)


def test_a_turn_is_one_at_a_time(uploads: PartialUploads, upload: PartialUpload) -> None:
    with upload.turn() as first, uploads.get(upload.id).turn() as second:
        assert (first, second) == (True, False)
    with uploads.get(upload.id).turn() as again:
        assert again


def test_one_that_is_left_alone_is_dropped_and_so_is_an_old_answer(
    uploads: PartialUploads, upload: PartialUpload, clock: Clock, tmp_path: Path
) -> None:
    ended, dropped = uploads.begin(POSTED), uploads.begin(POSTED)
    ended.end(ANSWER)
    clock.ahead = 59
    assert uploads.get(upload.id).offset == 0
    clock.ahead = 61
    with pytest.raises(Gone):
        uploads.get(dropped.id)
    clock.ahead = 0
    fresh = uploads.begin(POSTED)
    clock.ahead = 61
    (tmp_path / "uploads" / "upl_half").mkdir()
    fresh.append(b"x", at=0)
    assert {folder.name for folder in (tmp_path / "uploads").iterdir()} > {upload.id, ended.id, "upl_half"}
    clock.ahead = 200
    last = uploads.begin(POSTED)
    assert [folder.name for folder in (tmp_path / "uploads").iterdir()] == [last.id]


def test_a_deleted_one_is_not_there(uploads: PartialUploads, upload: PartialUpload) -> None:
    upload.delete()
    for ask in (
        lambda: uploads.get(upload.id),
        lambda: upload.append(b"x", at=0),
        lambda: upload.settle(at=0, whole=True),
    ):
        with pytest.raises(NotFound, match="dropped"):
            ask()


@pytest.mark.parametrize("id", ["", ".", "..", "upl_", "upl_" + "g" * 32, "../upl_" + "0" * 32])
def test_no_id_leads_elsewhere(uploads: PartialUploads, id: str) -> None:
    with pytest.raises(NotFound):
        uploads.get(id)


def test_a_length_that_was_said_is_held_to(uploads: PartialUploads) -> None:
    upload = uploads.begin(Posted("", {}, 5))
    with pytest.raises(InvalidInput, match="more came"):
        upload.append(b"storms", at=0)
    upload.append(b"stor", at=0)
    upload.settle(at=4, whole=False)
    with pytest.raises(InvalidInput, match="has 4"):
        upload.settle(at=4, whole=True)
    upload.append(b"m", at=4)
    upload.settle(at=5, whole=True)


def test_a_full_disk_is_told(uploads: PartialUploads, upload: PartialUpload, tmp_path: Path) -> None:
    with pytest.raises(NoRoom, match="has room for"):
        uploads.begin(Posted("", {}, 1 << 60))
    body = tmp_path / "uploads" / upload.id / BODY
    body.unlink()
    body.symlink_to("/dev/full")
    with pytest.raises(NoRoom, match="after 0 bytes"):
        upload.append(b"storm", at=0)
