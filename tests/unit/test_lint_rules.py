"""No pickle can come in unseen: the lint rules that forbid it do."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "code",
    [
        "import pickle\n",
        "from joblib import load\n",
        "import torch\n\ntorch.load('weights')\n",
        "import torch\n\ntorch.save({}, 'weights')\n",
        "from gensim.models import Word2Vec\n\nWord2Vec.load('table')\n",
        "from gensim.models import KeyedVectors\n\nKeyedVectors.load('table')\n",
        "import gensim\n\ngensim.models.KeyedVectors.load('table')\n",
    ],
)
def test_whatever_reads_or_writes_pickles_is_refused(code: str) -> None:
    ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", "--select=TID251", "--stdin-filename=new.py", "-"]
    found = subprocess.run(ruff, input=code, text=True, capture_output=True, cwd=ROOT, check=False)
    assert "TID251" in found.stdout
