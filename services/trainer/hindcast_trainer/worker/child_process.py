"""A child process, seen from the worker that started it."""

import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time

from hindcast_trainer.protocol import ASSIGNMENT, MESSAGE, Assignment, Message

GRACE_SECONDS = 2.0
"""So long may a child that was asked to stop save what it has done; then it is killed."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
SPINNING = {"GOMP_SPINCOUNT": "3000"}
"""How often a thread asks whether the others of its operation are done before it sleeps. OpenMP's own 300,000 would
keep the awaited one from its core where the machine is busy with something else: two threads fell to a sixth of their
speed (benchmarks/busy_machine.py). What the worker's environment says goes first."""

_log = logging.getLogger(__name__)


class ChildProcess:
    """One child, from its start to its end. It does not outlive the pipe that this object holds."""

    def __init__(self, assignment: Assignment) -> None:
        threads = dict.fromkeys(THREAD_VARIABLES, str(assignment.threads))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hindcast_trainer.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Temporary files go with the job's folder, however it ends.
            env=SPINNING | os.environ | threads | {"TMPDIR": str(assignment.folder)},
            # Ctrl-C at the terminal is the worker's to answer.
            start_new_session=True,
        )
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._kill_at: float | None = None
        self._listening = threading.Thread(target=self._listen, args=[ASSIGNMENT.dump_json(assignment)], daemon=True)
        self._listening.start()

    @property
    def asked_to_stop(self) -> bool:
        """Whether `stop` was called."""
        return self._kill_at is not None

    @property
    def how_it_ended(self) -> str:
        """For people: "it was killed by SIGSEGV"."""
        status = self._process.wait()
        if status >= 0:
            return f"it ended with status {status}"
        name = signal.Signals(-status).name
        return f"it was killed by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")

    def listen(self, seconds: float) -> list[Message] | None:
        """What it has said, as soon as there is something, or nothing after so many seconds. None when it has ended
        and everything was heard."""
        heard: list[Message] = []
        with contextlib.suppress(queue.Empty):
            message = self._messages.get(timeout=seconds)
            while message is not None:
                heard.append(message)
                message = self._messages.get_nowait()
            if not heard:
                return None
            self._messages.put(None)
        return heard

    def stop(self) -> None:
        """Ask it to stop; to be called again and again, for after GRACE_SECONDS it is killed."""
        now = time.monotonic()
        if self._kill_at is None:
            self._kill_at = now + GRACE_SECONDS
            self._process.send_signal(signal.SIGTERM)
        elif now >= self._kill_at:
            self._process.kill()

    def end(self) -> None:
        """Have it gone."""
        self._process.kill()
        self._process.wait()
        self._listening.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _listen(self, assignment: bytes) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(assignment + b"\n")
            self._process.stdin.flush()
        for line in self._process.stdout:
            try:
                self._messages.put(MESSAGE.validate_json(line))
            except ValueError:
                _log.warning("child %d broke off: %r", self._process.pid, line[:200])
        self._process.wait()
        self._messages.put(None)
