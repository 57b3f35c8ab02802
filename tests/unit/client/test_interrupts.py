"""Ctrl-C while something is watched."""

import signal

import pytest

from hindcast_client.command_line.watching import left_running


class Dropping:
    """Python drops what is raised in here, and says so."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_is_heard_though_its_exception_got_lost(capsys):
    def watch():
        with left_running("job", "my model") as stop_if_told:
            stop_if_told()
            Dropping()
            stop_if_told()

    with pytest.raises(KeyboardInterrupt):
        watch()
    assert "my model goes on. `hindcast watch 'my model'` shows it again" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_where_ctrl_c_is_ignored_it_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with left_running("job", "long") as stop_if_told:
            signal.raise_signal(signal.SIGINT)
            stop_if_told()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
