"""Which domain each unit of a text belongs to: its corpus's own label, or a domain that was found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from hindcast.errors import FieldError, InvalidInput
from hindcast.text.corpus import CorpusReference, EncodedText, Unit
from hindcast_trainer.assignment import DomainAssignment
from hindcast_trainer.references import Reference

GOLD = "gold"
"""Stands for the labels of the corpus's documents, where domains are named."""


@dataclass(frozen=True)
class UnitLabels:
    """The domain of each unit of a text. U units."""

    unit: Unit
    labels_U: npt.NDArray[np.int64]
    """Below 0 where a unit has none, or several."""
    names: Sequence[str]
    """What each of the K domains is called."""

    @classmethod
    def of(
        cls,
        domains: str,
        text: EncodedText,
        unit: Unit | None = None,
        *,
        corpus: CorpusReference,
        find: Callable[[str], DomainAssignment],
        field: str = "domains",
        corpus_field: str = "corpus",
    ) -> "UnitLabels":
        """The text's own, or those that `find` finds by their id; without a `unit`, of the units that have them.
        InvalidInput, naming `field`, where these are of another text than `corpus`, or of units that are smaller, or
        don't tell the text apart."""
        if domains == GOLD:
            unit = unit or "document"
            return cls(unit, text.labels(unit), text.label_names)._telling(field)
        found = find(domains)
        if found.corpus != corpus:
            raise InvalidInput.fields([of_another_text(field, corpus_field, found.corpus)])
        unit = unit or found.unit
        starts, ends = text.unit_bounds(unit)
        owner_ends = text.unit_bounds(found.unit)[1]
        if len(owner_ends) != len(found.labels_U):
            raise InvalidInput.field(field, "were found in a corpus that has changed since: find them again")
        owners_U = np.searchsorted(owner_ends, starts, side="right")
        if (ends > owner_ends[owners_U]).any():
            raise InvalidInput.field("unit", f"must be no larger than the {found.unit}s whose domains were found")
        names = [cluster["label"] for cluster in found.facts["clusters"]]
        return cls(unit, found.labels_U[owners_U].astype(np.int64), names)._telling(field)

    @property
    def labelled(self) -> npt.NDArray[np.int64]:
        """Indices of the units that have one domain."""
        return np.flatnonzero(self.labels_U >= 0)

    def _telling(self, field: str) -> Self:
        labels = len(np.unique(self.labels_U[self.labelled]))
        if labels < 2:
            raise InvalidInput.fields([telling_nothing(field, self.unit, labels)])
        return self


def of_another_text(field: str, corpus_field: str, found_in: CorpusReference) -> FieldError:
    """What is wrong with domains at `field` that were found in another text than `corpus_field` names."""
    told = f"these were found in {found_in.model_dump_json(exclude_none=True)}"
    return FieldError(field, f"must have been found in the same corpus reference as `{corpus_field}`: {told}")


def telling_nothing(field: str, unit: Unit, labels: int) -> FieldError:
    """What is wrong with less than two `labels` at `field`."""
    have = "they have only one label" if labels else "none of them has a label"
    return FieldError(field, f"must tell the {unit}s of the text apart: {have}")


def domain_references(field: str, domains: str) -> tuple[Reference, ...]:
    """The domains that are named at `field`, unless they are the corpus's own labels."""
    return () if domains == GOLD else (Reference(field, ("domains",), domains),)
