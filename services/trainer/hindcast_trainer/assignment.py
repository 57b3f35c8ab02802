"""The domains of a text as they are kept: which one each part of it belongs to, and what each is about."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hindcast.errors import Corrupt
from hindcast.text.corpus import CorpusReference, Unit


@dataclass(frozen=True)
class DomainAssignment:
    """The domain of each unit (sentence, paragraph or document) of a text. U units."""

    labels_U: npt.NDArray[np.int32]
    """From 0 to before k; -1 where the unit has no word to tell by."""
    margins_U: npt.NDArray[np.float32]
    """Cosine with the domain less that with the second."""
    facts: Mapping[str, Any]
    """What `GET /v1/domains/{id}` answers: corpus, unit, k, clusters, rounds, unclassified, agreement."""

    @property
    def corpus(self) -> CorpusReference:
        """The text that was divided."""
        return CorpusReference.model_validate(self.facts["corpus"])

    @property
    def unit(self) -> Unit:
        """What has one domain."""
        unit: Unit = self.facts["unit"]
        return unit

    @property
    def k(self) -> int:
        """Domains."""
        return int(self.facts["k"])

    def surest_of(self, domain: int) -> npt.NDArray[np.int64]:
        """The units of a domain, the one with the largest margin first, equals in the order of the text."""
        members = np.flatnonzero(self.labels_U == domain)
        return members[np.argsort(-self.margins_U[members], kind="stable")]

    def save(self, folder: Path) -> None:
        """Write domains.json, assignments.i32 and margins.f32 into an existing folder."""
        (folder / "domains.json").write_text(json.dumps(self.facts, ensure_ascii=False), encoding="utf-8")
        self.labels_U.astype("<i4").tofile(folder / "assignments.i32")
        self.margins_U.astype("<f4").tofile(folder / "margins.f32")

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read a saved one; Corrupt if it is none."""
        try:
            facts = json.loads((folder / "domains.json").read_text(encoding="utf-8"))
            labels_U = np.fromfile(folder / "assignments.i32", dtype="<i4")
            margins_U = np.fromfile(folder / "margins.f32", dtype="<f4")
            sound = len(labels_U) == len(margins_U) and int(labels_U.max()) < facts["k"]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"The domains in {folder.name} can't be read.") from error
        if not sound:
            raise Corrupt(f"The labels in {folder.name} do not fit its domains.")
        return cls(labels_U, margins_U, facts)
