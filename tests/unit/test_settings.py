"""Settings that can't work are refused by name before anything starts."""

import pytest

from hindcast.settings import Settings
from hindcast_standalone.__main__ import main


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("HINDCAST_DATABASE_URL", "foo", "must be postgresql://user:password@host/name."),
        ("HINDCAST_DATABASE_URL", "mysql://host/name", "must be postgresql://user:password@host/name."),
        ("HINDCAST_DATABASE_URL", "mysql://user:secret@host/name", "must be postgresql://user:password@host/name."),
        ("HINDCAST_BROKER_URL", "foo", "must be redis://host:6379/0 or redis+socket:///path."),
        ("HINDCAST_BROKER_URL", "amqp://host", "must be redis://host:6379/0 or redis+socket:///path."),
        ("HINDCAST_BROKER_URL", "redis://host:port/0", "Port could not be cast"),
        ("HINDCAST_ARTIFACTS_URL", "/folder", "must be a URL, such as file:///path"),
        ("HINDCAST_ARTIFACTS_URL", "foo://bar", "must be a file system that fsspec knows"),
        ("HINDCAST_ARTIFACTS_URL", "s3://bucket/prefix", "needs a package that isn't installed: Install s3fs"),
        ("HINDCAST_PORT", "abc", "valid integer"),
    ],
)
def test_a_wrong_one_is_a_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["up"]) == 1
    written = capsys.readouterr().err
    assert written.startswith(variable)
    assert (f"={value}: " in written) == (not variable.endswith("_URL"))
    assert "secret" not in written
    assert told in written
    assert len(written.splitlines()) == 1


@pytest.mark.parametrize("epochs", ["0", "-1", "x", "1.5"])
def test_a_number_of_epochs_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], epochs: str) -> None:
    with pytest.raises(SystemExit):
        main(["hurricane", "--wikitext2", "folder", f"--epochs={epochs}"])
    assert "--epochs: must be a whole number of epochs, 1 or more" in capsys.readouterr().err


def test_a_database_url_that_nobody_can_read_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HINDCAST_DATABASE_URL", "postgresql://user:secret@host:port/name")
    assert main(["migrate"]) == 1
    assert capsys.readouterr().err == "HINDCAST_DATABASE_URL must be postgresql://user:password@host/name\n"


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("HINDCAST_DATABASE_URL", "postgresql+psycopg://user:p#ss[word@host/name?host=/folder"),
        ("HINDCAST_BROKER_URL", "redis+socket:///folder/socket"),
        ("HINDCAST_BROKER_URL", "rediss://:password@host:6379/0"),
        ("HINDCAST_ARTIFACTS_URL", "file:///folder"),
        ("HINDCAST_ARTIFACTS_URL", ""),
    ],
)
def test_a_url_that_may_work_is_taken(monkeypatch: pytest.MonkeyPatch, variable: str, url: str) -> None:
    monkeypatch.setenv(variable, url)
    assert getattr(Settings(), variable.removeprefix("HINDCAST_").lower()) == url
