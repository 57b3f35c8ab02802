"""How far a table's cosines agree with what people say of pairs of words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from hindcast.errors import NotInstalled
from hindcast.nn.embedding_table import Vectors
from hindcast_embedder.neighbors import unit

DatasetName = Literal["wordsim353", "simlex999"]

DATASETS: Mapping[DatasetName, str] = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}
"""Files that the package gensim has among the data of its tests: WordSim-353 (Finkelstein and others, 2002) and
SimLex-999 (Hill and others, 2015)."""

FEWEST_PAIRS = 3
_CHUNK_PAIRS = 8_192

Rows = npt.NDArray[np.int64]
Cosines = npt.NDArray[np.float64]


class JudgedPair(NamedTuple):
    """Two words, and how similar people find them."""

    first: str
    second: str
    score: float
    """On any scale: only their order counts."""


@dataclass(frozen=True)
class Agreement:
    """Spearman's rank correlation of cosines with people's scores."""

    spearman: float | None
    """None for fewer than FEWEST_PAIRS pairs, and where all scores or all cosines are equal."""
    p_value: float | None
    """Of no correlation, two-sided."""


def cosines(vectors_ND: Vectors, first_P: Rows, second_P: Rows) -> Cosines:
    """[P]: the cosine of each pair of rows, a few thousand at a time; NaN where one is of zeros only, which has no
    direction."""
    found = [np.empty(0)]
    for start in range(0, len(first_P), _CHUNK_PAIRS):
        left, right = (
            unit(vectors_ND[rows[start : start + _CHUNK_PAIRS]]).astype(np.float64) for rows in (first_P, second_P)
        )
        cosines_C = np.clip((left * right).sum(axis=1), -1.0, 1.0)
        cosines_C[~(left.any(axis=1) & right.any(axis=1))] = np.nan
        found.append(cosines_C)
    return np.concatenate(found)


def agreement(cosines_P: Cosines, scores_P: Cosines) -> Agreement:
    """Of pairs that all have a cosine."""
    from scipy.stats import spearmanr

    if len(cosines_P) < FEWEST_PAIRS or np.ptp(cosines_P) == 0 or np.ptp(scores_P) == 0:
        return Agreement(None, None)
    result = spearmanr(cosines_P, scores_P)
    return Agreement(float(result.statistic), float(result.pvalue))


def dataset(name: DatasetName) -> Sequence[JudgedPair]:
    """The pairs of a data set. NotInstalled where the package that has it isn't there, or is without it."""
    # The package itself, which takes a second to import, isn't needed.
    package = find_spec("gensim")
    folders = (package.submodule_search_locations or []) if package else []
    files = (Path(folder) / "test" / "test_data" / DATASETS[name] for folder in folders)
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise NotInstalled(
            f"{name} is read from the package gensim ({DATASETS[name]} among the data of its tests), and isn't there: "
            "pip install gensim, or send pairs."
        )
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [_pair(line) for line in lines if line and not line.startswith("#")]


def _pair(line: str) -> JudgedPair:
    first, second, score = line.split("\t")
    return JudgedPair(first, second, float(score))
