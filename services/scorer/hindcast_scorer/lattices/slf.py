"""HTK's standard lattice format, as HTK, SRILM and PocketSphinx write it (The HTK Book 3.4, chapter 20).

    VERSION=1.1
    base=10  lmscale=12.0  wdpenalty=-0.5
    N=3  L=2
    I=0  t=0.00
    I=1  t=0.41
    I=2  t=0.90
    J=0  S=0  E=1  W=well  a=-1325.1  l=-2.31
    J=1  S=1  E=2  W=yes   a=-1890.4  l=-1.07

Scores are logs of the header's `base` (e by default; 0: probabilities), and so is `wdpenalty`. A link's `l` (or `n`) is
the old language model's score, which a new one replaces; where there is none, as in PocketSphinx's files, the new one
is added as `l`. `r`, of the pronunciation, is a graph score. Words stand on links or on nodes. Where the header doesn't
name the first or last node by `start=` or `end=`, it is the only one without a link in or out.

Changed lattices keep every field but `p`, a posterior that belonged to the old scores. Costs of ending, for which the
format has no place, stand on links without a word to a last node. Sub-lattices are not read.
"""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from hindcast_scorer.lattices.lattice import Lattice
from hindcast_scorer.lattices.lines import numbered_lines
from hindcast_scorer.lattices.slf_fields import SlfLine, parsed
from hindcast_scorer.lattices.slf_reading import lattice_of
from hindcast_scorer.lattices.slf_writing import text_of


class Slf:
    """A `LatticeFormat`: HTK's SLF. Where a header follows a lattice's links, another lattice begins."""

    name = "slf"
    media_type = "text/x-htk-slf"
    suffix = ".slf"
    table: str | None = None

    def with_table(self, table: BinaryIO) -> "Slf":
        """See `LatticeFormat`: labels of this one are words."""
        return self

    def read(self, body: BinaryIO) -> Iterator[Lattice]:
        """See `LatticeFormat`."""
        lines: list[SlfLine] = []
        in_body = False
        for place, text in numbered_lines(body):
            line = parsed(place, text)
            if line.kind == "header" and in_body:
                yield lattice_of(lines)
                lines, in_body = [], False
            in_body = in_body or line.kind in ("node", "link")
            lines.append(line)
        if any(line.kind != "comment" for line in lines):
            yield lattice_of(lines)

    def write(self, lattices: Iterable[Lattice]) -> Iterator[bytes]:
        """See `LatticeFormat`. What was not read in this format gets version 1.1 and natural logs."""
        for lattice in lattices:
            yield "".join(text_of(lattice)).encode()
