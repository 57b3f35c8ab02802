"""No pickle can come in unseen: the lint rules that forbid it do, and what these can't see is looked for here."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("shared", "services", "benchmarks", "migrations")
OUR_OWN = {
    "assignment.save",
    "bundle.save",
    "fitting.load",
    "held_out.save",
    "progress.save",
    "self.save",
    "table.save",
}
"""What is called `load` or `save` in the sources, by the name that it is called on: all of it is the project's, and
none of it makes a pickle. A linter doesn't know what a variable holds, and any model of gensim's has a `load`."""


@pytest.mark.parametrize(
    "code",
    [
        "import pickle\n",
        "import dill\n",
        "import marshal\n",
        "import shelve\n",
        "from joblib import load\n",
        "import numpy as np\n\nnp.load('vectors.npy', allow_pickle=True)\n",
        "import torch\n\ntorch.load('weights')\n",
        "import torch\n\ntorch.save({}, 'weights')\n",
        "import torch\n\ntorch.jit.load('weights')\n",
        "from gensim.models import Word2Vec\n\nWord2Vec.load('table')\n",
        "from gensim.models import FastText\n\nFastText.load('table')\n",
        "from gensim.models import LsiModel\n\nLsiModel.load('table')\n",
        "from gensim.models import KeyedVectors\n\nKeyedVectors.load('table')\n",
        "from gensim.corpora import Dictionary\n\nDictionary.load('words')\n",
        "import gensim\n\ngensim.models.KeyedVectors.load('table')\n",
        "import gensim\n\ngensim.corpora.Dictionary.load('words')\n",
    ],
)
def test_whatever_reads_or_writes_pickles_is_refused(code: str) -> None:
    """By the rules that the project selects."""
    ruff = [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename=shared/hindcast/new.py", "-"]
    found = subprocess.run(ruff, input=code, text=True, capture_output=True, cwd=ROOT, check=False)
    assert "TID251" in found.stdout


def doubtful(code: str) -> Iterator[str]:
    """What a source says that may read or write a pickle."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute) and node.attr in ("load", "save") and ast.unparse(node) not in OUR_OWN:
            yield ast.unparse(node)
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield ast.unparse(node)


def test_nothing_but_our_own_is_loaded_or_saved() -> None:
    files = [file for folder in SOURCES for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    assert [(str(file), found) for file in files for found in doubtful(file.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    "code",
    [
        "model.load('table')",
        "read = models.TfidfModel.load",
        "Word2Vec(sentences).save('table')",
        "np.lib.npyio.read_array(file, allow_pickle=True)",
    ],
)
def test_what_a_linter_does_not_know_for_a_pickle_is_seen(code: str) -> None:
    assert list(doubtful(code))
