import subprocess
import sys
from pathlib import Path

from hindcast_trainer.worker.own_folder import own_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from hindcast_trainer.worker.own_folder import own_folder
with own_folder(Path(sys.argv[1])) as folder:
    (folder / "big").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_lasts_as_long_as_it_is_held(tmp_path: Path) -> None:
    with own_folder(tmp_path) as first, own_folder(tmp_path) as second:
        assert first != second
        assert first.is_dir()
    assert not first.exists()
    assert not second.exists()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    [left] = tmp_path.glob("*/big")
    with own_folder(tmp_path):
        assert not left.parent.exists()
