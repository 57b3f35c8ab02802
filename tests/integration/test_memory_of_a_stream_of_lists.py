"""50 MB of lists pass within 300 MB, in a process of their own: what others used before would count.

Nor is it ru_maxrss, which a new process inherits from the one that started it.
"""

import subprocess
import sys

SCRIPT = """
import io, json
from hindcast_scorer.formats import FORMATS
from hindcast_scorer.rescoring.lists import RescoredList, Score

class Made(io.RawIOBase):
    "50 MB of lists that never are in memory together."
    def __init__(self):
        self.number, self.left, self.sent = 0, b"", 0
    def readable(self):
        return True
    def readinto(self, buffer):
        if not self.left and self.sent < 50_000_000:
            hypotheses = [{"text": "so we went to see it " * 16, "am_score": -1234.5 - place} for place in range(100)]
            self.left = json.dumps({"utterance": f"u{self.number}", "hypotheses": hypotheses}).encode() + b"\\n"
            self.number += 1
        taken, self.left = self.left[:len(buffer)], self.left[len(buffer):]
        buffer[:len(taken)] = taken
        self.sent += len(taken)
        return len(taken)

def rescored(lists):
    for read in lists:
        yield RescoredList(read, [
            Score(h.am_score, None, -9.0, -9.0, 20, 0, -9.0, place, place) for place, h in enumerate(read.hypotheses, 1)
        ])

body = Made()
written = sum(map(len, FORMATS["jsonl"].write(rescored(FORMATS["jsonl"].read(io.BufferedReader(body))), sort=True)))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(body.sent, written, status["VmHWM"].split()[0])
"""


def test_fifty_megabytes_pass_within_three_hundred() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    sent, written, peak_kilobytes = map(int, done.stdout.split())
    assert sent >= 50_000_000
    assert written > sent
    assert peak_kilobytes < 300_000
