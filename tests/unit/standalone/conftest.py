"""What the commands of demonstrations are tried on."""

from pathlib import Path

import pytest
from table1_data import numbered, write_split

from hindcast_standalone.demonstrations.table1_texts import CORPORA


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for corpus in CORPORA:
        for split, count in (("train", 100), ("valid", 8), ("test", 60)):
            write_split(tmp_path / corpus, split, numbered(corpus, split, count))
    (tmp_path / "reuters21578" / "documents.test.jsonl.gz").unlink()
    write_split(tmp_path / "reuters21578", "unused", numbered("reuters21578", "unused", 40))
    return tmp_path
