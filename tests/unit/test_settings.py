"""Settings that can't work are refused by name before anything starts."""

import pytest

from hindcast_standalone.__main__ import main


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("HINDCAST_DATABASE_URL", "foo", "must be postgresql://user:password@host/name."),
        ("HINDCAST_DATABASE_URL", "mysql://host/name", "must be postgresql://user:password@host/name."),
        ("HINDCAST_DATABASE_URL", "postgresql://host:port/name", "Port could not be cast"),
        ("HINDCAST_BROKER_URL", "foo", "must be redis://host:6379/0 or redis+socket:///path."),
        ("HINDCAST_BROKER_URL", "amqp://host", "must be redis://host:6379/0 or redis+socket:///path."),
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
    assert written.startswith(f"{variable}={value}: ")
    assert told in written
    assert len(written.splitlines()) == 1


@pytest.mark.parametrize("epochs", ["0", "-1", "x", "1.5"])
def test_a_number_of_epochs_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], epochs: str) -> None:
    with pytest.raises(SystemExit):
        main(["hurricane", "--wikitext2", "folder", f"--epochs={epochs}"])
    assert "--epochs: must be a whole number of epochs, 1 or more" in capsys.readouterr().err
