"""docs/rescoring.md: what it shows of formats, frames and conventions is what the service reads."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_args

import pytest
from written_lists import read, tar

from hindcast_scorer.formats import FORMATS
from hindcast_scorer.lattice_files import read_lattices
from hindcast_scorer.lattices.formats import LATTICE_FORMATS
from hindcast_scorer.rescoring.conventions import PRESETS, Convention
from hindcast_scorer.rescoring.doctor import CheckName
from hindcast_scorer.streaming.frames import read_frame
from hindcast_scorer.tuning_schemas import TuneRequest

PAGE = (Path(__file__).parents[3] / "docs" / "rescoring.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\S*)[ ]?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Example(NamedTuple):
    format: str
    body: bytes
    words: str
    """Of all of its files."""


def marked(mark: str) -> list[str]:
    """The blocks whose fence says so after its language, as in ```` ```json tune ````."""
    return [text for _, marks, text in FENCE.findall(PAGE) if mark in marks.split()]


def examples() -> Iterator[Example]:
    """A block with `format=` is a body; those that say `file=` too, one after the other, are one tar."""
    files: dict[tuple[str, str], str] = {}
    for _, marks, text in [*FENCE.findall(PAGE), ("", "format=", "")]:
        told = dict(mark.split("=", 1) for mark in marks.split() if "=" in mark)
        if "format" not in told:
            continue
        packed = next((form for form, _ in files), None)
        if packed is not None and (told["format"] != packed or "file" not in told):
            yield Example(packed, tar({name: t.encode() for (_, name), t in files.items()}), "".join(files.values()))
            files = {}
        if "file" in told:
            files[told["format"], told["file"]] = text
        elif text:
            yield Example(told["format"], text.encode(), text)


EXAMPLES = list(examples())


def test_every_format_has_an_example():
    assert {example.format for example in EXAMPLES} == {*FORMATS, *LATTICE_FORMATS}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.format)
def test_examples_can_be_read(example):
    if example.format in FORMATS:
        spoken = [hypothesis.text for one in read(example.format, example.body) for hypothesis in one.hypotheses]
    else:
        form = LATTICE_FORMATS[example.format]
        lattices = list(read_lattices(form, io.BytesIO(example.body), utterance="body"))
        assert [lattice.utterance for lattice in lattices] == ["call-7"]
        spoken = [link.word for lattice in lattices for link in lattice.links if link.word]
    assert len(spoken) > 1
    assert all(word.isalpha() and word in example.words for text in spoken for word in text.split())


@pytest.mark.parametrize("form", [*FORMATS.values(), *LATTICE_FORMATS.values()], ids=lambda form: form.name)
def test_media_types_are_told(form):
    assert f"| `{form.name}` | `{form.media_type}` |" in PAGE


def test_frames_can_be_read():
    (frames,) = marked("frames")
    assert [read_frame(frame).id for frame in frames.splitlines()] == [1, 2, 3, 4, 5, 6]


def test_the_convention_is_the_one_of_that_name():
    (convention,) = marked("convention=switchboard")
    assert Convention.model_validate_json(convention) == PRESETS["switchboard"]


def test_the_interpolation_that_is_shown_is_taken(scorer, make_bundle):
    pytest.importorskip("kenlm")
    scorer.add(make_bundle(pipeline="asr"))
    arpa = (Path(__file__).parent / "ngram_files/little.arpa").read_bytes()
    assert scorer.http.post("/v1/ngrams", params={"name": "trigrams"}, content=arpa).status_code == 201
    (asked,) = map(json.loads, marked("rescore"))
    (answered,) = scorer.ask("/v1/models/lm_1/rescore", **asked)["lists"]
    for told in answered["hypotheses"]:
        assert told["lm_logprob"] == pytest.approx(0.3 * told["ngram_logprob"] + 0.7 * told["neural_logprob"])


def test_what_srilm_is_given_looks_as_shown(scorer, make_bundle):
    (shown,) = marked("debug2")
    scorer.add(make_bundle(pipeline="asr", words=["the", "storm", "hit"]))
    asked = {"texts": ["the storm hit"]}
    headers = {"accept": "text/x-srilm-debug2"}
    answer = scorer.http.post("/v1/models/lm_1/perplexity", json=asked, headers=headers)

    def shape(text):  # its numbers are another model's
        return re.sub(r"(?<![\w.])-?[0-9.]+(?:e[-+][0-9]+)?(?![\w.])", "#", text.partition("\nfile ")[0].strip())

    assert shape(answer.text) == shape(shown)


def test_the_check_finds_what_its_example_shows(scorer):
    (asked,) = map(json.loads, marked("check"))
    del asked["model"]
    found = scorer.ask("/v1/rescore/check", **asked)["findings"]
    assert [one["check"] for one in found] == ["ids_in_text", "references"]
    names = re.findall(r"^\| `([a-z_]+)` \| (?:error|warning)", PAGE, re.MULTILINE)
    assert set(names) == set(get_args(CheckName))


def test_what_tuning_is_sent_can_be_read():
    (asked,) = marked("tune")
    assert TuneRequest.model_validate_json(asked).groups == ["call-7", "call-8"]
