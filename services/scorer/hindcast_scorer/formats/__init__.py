"""The formats in which recognisers write what they heard. A new one is one new file here and one name in the list."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, cast

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.base import ListFormat
from hindcast_scorer.formats.espnet1 import Espnet1
from hindcast_scorer.formats.espnet2 import Espnet2
from hindcast_scorer.formats.hindcast_jsonl import HindcastJsonl
from hindcast_scorer.formats.hyp_json import HypJson
from hindcast_scorer.formats.kaldi import Kaldi
from hindcast_scorer.formats.nemo_tsv import NemoTsv
from hindcast_scorer.formats.srilm_nbest1 import SrilmNbest1
from hindcast_scorer.formats.srilm_nbest2 import SrilmNbest2
from hindcast_scorer.formats.srilm_plain import SrilmPlain

FormatName = Literal[
    "jsonl",
    "srilm-nbest1",
    "srilm-nbest2",
    "srilm-plain",
    "kaldi",
    "espnet1",
    "espnet2",
    "hyp-json",
    "nemo-tsv",
]

FORMATS: Mapping[FormatName, ListFormat] = {
    "jsonl": HindcastJsonl(),
    "srilm-nbest1": SrilmNbest1(),
    "srilm-nbest2": SrilmNbest2(),
    "srilm-plain": SrilmPlain(),
    "kaldi": Kaldi(),
    "espnet1": Espnet1(),
    "espnet2": Espnet2(),
    "hyp-json": HypJson(),
    "nemo-tsv": NemoTsv(),
}
"""THE LIST."""

_MEDIA_TYPES: Mapping[str, ListFormat] = {
    **{format.media_type: format for format in FORMATS.values()},
    "application/jsonl": FORMATS["jsonl"],
    "application/x-jsonlines": FORMATS["jsonl"],
}


def chosen(
    name: str | None, content_type: str | None, *, besides: Mapping[str, str] = MappingProxyType({})
) -> ListFormat:
    """The format that `?format=` names, else the one that the Content-Type does. InvalidInput where neither does;
    `besides` are the names and media types of what else could have been sent there."""
    if name is not None:
        if name not in FORMATS:
            raise InvalidInput.field("format", f"must be one of {', '.join(FORMATS)}, not {name[:60]!r}")
        return FORMATS[cast(FormatName, name)]
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type not in _MEDIA_TYPES:
        all_of_them = {**{format.name: format.media_type for format in FORMATS.values()}, **besides}
        known = ", ".join(f"{name} ({media_type})" for name, media_type in all_of_them.items())
        raise InvalidInput.field("format", f"must be named, here or by its Content-Type: one of {known}")
    return _MEDIA_TYPES[media_type]
