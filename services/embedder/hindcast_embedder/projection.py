"""Words as points in a plane, by the directions of their vectors.

Shapes: N words, D the vectors' size.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hindcast.errors import NotInstalled
from hindcast.nn.embedding_table import Vectors
from hindcast_embedder.neighbors import unit

Method = Literal["pca", "umap"]

UMAP_MISSING = (
    "umap comes with the package umap-learn, which isn't installed here: pip install umap-learn; pca needs none."
)
FEWEST_FOR_UMAP = 5
_UMAP_NEIGHBORS = 15
_EXACT_SIZE = 1_000
"""Up to so many dimensions all of them are found, and the first two taken: exact, and quick enough."""


@dataclass(frozen=True)
class Projection:
    """Where words are drawn."""

    points_N2: npt.NDArray[np.float64]
    explained_variance: tuple[float, float] | None
    """The share of the directions' variance along x and along y; None where nothing says it."""


def pca(vectors_ND: Vectors) -> Projection:
    """The plane in which the vectors, scaled to length 1, vary most. Exact up to 1,000 dimensions; beyond, by a
    randomised decomposition with a fixed seed. The same vectors always give the same points, signs included."""
    from sklearn.decomposition import PCA

    points_N2 = np.zeros((len(vectors_ND), 2))
    directions_ND = unit(vectors_ND).astype(np.float64) if len(vectors_ND) else vectors_ND
    found = min(2, *vectors_ND.shape)
    if len(vectors_ND) < 2 or np.ptp(directions_ND, axis=0).max() == 0:
        return Projection(points_N2, None)
    solver = "covariance_eigh" if vectors_ND.shape[1] <= _EXACT_SIZE else "randomized"
    fitted = PCA(n_components=found, svd_solver=solver, random_state=0)
    points_N2[:, :found] = fitted.fit_transform(directions_ND)
    along_x, along_y = [*fitted.explained_variance_ratio_.tolist(), 0.0][:2]
    return Projection(points_N2, (along_x, along_y))


def umap(vectors_ND: Vectors) -> Projection:
    """Neighbours by cosine are drawn as neighbours (McInnes and others, 2018); what is far apart says little. At least
    FEWEST_FOR_UMAP vectors; the same ones always give the same points. NotInstalled."""
    package = _umap_learn()
    neighbors = min(_UMAP_NEIGHBORS, len(vectors_ND) - 1)
    # Between directions Euclid's distance and the cosine order neighbours alike.
    mapper = package.UMAP(n_components=2, n_neighbors=neighbors, init="pca", random_state=0, n_jobs=1)
    return Projection(np.asarray(mapper.fit_transform(unit(vectors_ND)), dtype=np.float64), None)


METHODS: Mapping[Method, Callable[[Vectors], Projection]] = {"pca": pca, "umap": umap}


def _umap_learn() -> Any:
    import importlib

    try:
        return importlib.import_module("umap")
    except ImportError as error:
        raise NotInstalled(UMAP_MISSING) from error
