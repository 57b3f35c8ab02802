"""How commands are ended from outside."""

import signal


def end_on_signals() -> None:
    """SIGTERM and a closed terminal end us as Ctrl-C does: by a KeyboardInterrupt, so that what we began is ended."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
