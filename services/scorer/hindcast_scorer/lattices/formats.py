"""The formats in which lattices come. A new one is one new file beside this one and one name in the list."""

from collections.abc import Mapping
from typing import Literal

from hindcast_scorer.lattices.kaldi_lattice import KaldiLattices
from hindcast_scorer.lattices.lattice import LatticeFormat
from hindcast_scorer.lattices.slf import Slf

LatticeFormatName = Literal["slf", "kaldi-lattice"]

LATTICE_FORMATS: Mapping[LatticeFormatName, LatticeFormat] = {"slf": Slf(), "kaldi-lattice": KaldiLattices()}
"""THE LIST."""


def lattice_format(name: LatticeFormatName | None, content_type: str | None) -> LatticeFormat | None:
    """The one that `?format=` names, else the one that the Content-Type does; None where that's another."""
    if name is not None:
        return LATTICE_FORMATS[name]
    media_type = (content_type or "").partition(";")[0].strip().lower()
    return next((form for form in LATTICE_FORMATS.values() if form.media_type == media_type), None)
