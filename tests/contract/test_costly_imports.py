"""A process imports what every kind of job needs. What a single one needs, that one imports: seconds for each job."""

import subprocess
import sys

EVERYBODYS = ["hindcast_trainer.kinds", "hindcast_trainer.child", "hindcast_standalone.serve"]


def test_nobody_waits_for_libraries_of_another_kind_of_job():
    told = f"import {', '.join(EVERYBODYS)}, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    assert set(EVERYBODYS) <= set(loaded)
    assert {"sklearn", "gensim", "scipy.stats", "spacy"}.isdisjoint(loaded)
