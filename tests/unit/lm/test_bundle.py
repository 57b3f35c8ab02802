import hashlib
import json
import zipfile

import numpy as np
import pytest
import torch

from hindcast.errors import Corrupt, InvalidInput
from hindcast.lm.bundle import CHECKSUMS, FILES, Bundle, pack, unpack
from hindcast.lm.evaluation import score
from hindcast.lm.lstm import LstmSpecification
from hindcast.text.vocabulary import Vocabulary

TEXT = np.array([4, 2, 3, 1, 0, 4, 1])


@pytest.fixture
def saved(tmp_path):
    """A small bundle with everything that one can have, and its folder."""
    specification = LstmSpecification(
        vocabulary_size=5, input_size=6, input_trainable=False, compression=3, hidden_size=4, layers=2, dropout=0.5
    )
    model = specification.build(seed=1, input_VD=torch.randn(5, 6))
    model.prepare_for_scoring()
    vocabulary = Vocabulary.from_words(["naïve", "hurricane", "relief"])
    bundle = Bundle(specification, model, vocabulary, "wikitext", "document", {"metrics": {"test_perplexity": 1.5}})
    folder = tmp_path / "bundle"
    folder.mkdir()
    bundle.save(folder)
    return bundle, folder


def log_probs(bundle):
    return score(bundle.model, [TEXT], history=bundle.history)[0].log_probs_N


def test_what_was_saved_is_what_opens(saved):
    bundle, folder = saved
    opened = Bundle.open(folder)
    assert (opened.vocabulary, opened.pipeline, opened.history) == (bundle.vocabulary, "wikitext", "document")
    assert (opened.specification, opened.card) == (bundle.specification, bundle.card)
    np.testing.assert_array_equal(log_probs(opened), log_probs(bundle))


def test_one_file_holds_all_of_it_and_is_the_same_every_time(saved, tmp_path):
    bundle, folder = saved
    for name in ("first", "second"):
        pack(folder, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    (tmp_path / "unpacked").mkdir()
    np.testing.assert_array_equal(log_probs(unpack(tmp_path / "first", tmp_path / "unpacked")), log_probs(bundle))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.999])
def test_a_flipped_byte_is_found_and_its_file_named(saved, name, place):
    _, folder = saved
    content = bytearray((folder / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(Corrupt, match=name):
        Bundle.open(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_changed_and_packed_again_is_named(saved, tmp_path, name):
    _, folder = saved
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    pack(folder, tmp_path / "packed")
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(Corrupt, match=name):
        unpack(tmp_path / "packed", tmp_path / "unpacked")


@pytest.mark.parametrize("cut", [0, 10, 500])
def test_what_is_not_a_bundle_is_refused(saved, tmp_path, cut):
    _, folder = saved
    pack(folder, tmp_path / "whole")
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:cut])
    (tmp_path / "unpacked").mkdir()
    with pytest.raises((InvalidInput, Corrupt)):
        unpack(tmp_path / "cut", tmp_path / "unpacked")


def test_a_file_that_was_cut_short_says_so(saved, tmp_path):
    _, folder = saved
    pack(folder, tmp_path / "whole")
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:-1])
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(InvalidInput, match="ends too early"):
        unpack(tmp_path / "cut", tmp_path / "unpacked")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bundle.json", "[" * 100_000),
        ("vocabulary.json", '["<unk>", "</s>", "\\ud800", "b", "c"]'),
        ("vocabulary.json", '["<unk>", "</s>", "a", "b"]'),
        ("vocabulary.json", '["<unk>", "</s>", "a", "b", 5]'),
    ],
)
def test_content_that_makes_no_sense_is_refused_though_its_checksum_is_right(saved, name, content):
    _, folder = saved
    write_with_checksum(folder, name, content)
    with pytest.raises(Corrupt, match=name):
        Bundle.open(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 2}, "format 2 is not 1"),
        ({"format": None}, "format None is not 1"),
        ({"card": None}, "card: Input should be a valid dictionary"),
        ({"pipeline": "odd"}, "pipeline: Input should be 'plain'"),
        (
            {"network": {"kind": "lstm", "vocabulary_size": 5, "input_size": 10**9}},
            r"network\S*input_size: Input should be",
        ),
    ],
)
def test_what_a_bundle_says_wrongly_is_named(saved, change, told):
    _, folder = saved
    facts = json.loads((folder / "bundle.json").read_text())
    write_with_checksum(folder, "bundle.json", json.dumps({**facts, **change}))
    with pytest.raises(Corrupt, match=rf"^bundle\.json: {told}[^\n]*$"):
        Bundle.open(folder)


@pytest.mark.parametrize("content", ["[]", "null", "7"])
def test_a_bundle_whose_facts_are_no_object_says_so(saved, content):
    _, folder = saved
    write_with_checksum(folder, "bundle.json", content)
    with pytest.raises(Corrupt, match=r"^bundle\.json must be an object$"):
        Bundle.open(folder)


def write_with_checksum(folder, name, content):
    before = _sha256(folder / name)
    (folder / name).write_text(content, encoding="utf-8")
    sums = (folder / CHECKSUMS).read_text()
    (folder / CHECKSUMS).write_text(sums.replace(before, _sha256(folder / name)))


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_archive_with_other_files_is_refused_and_writes_nothing_elsewhere(tmp_path):
    with zipfile.ZipFile(tmp_path / "strange", "w") as archive:
        archive.writestr("../escaped", "x")
    (tmp_path / "unpacked").mkdir()
    with pytest.raises(InvalidInput, match="not a model bundle"):
        unpack(tmp_path / "strange", tmp_path / "unpacked")
    assert not (tmp_path / "escaped").exists()


def test_a_file_that_is_missing_is_named(saved):
    _, folder = saved
    (folder / "vocabulary.json").unlink()
    with pytest.raises(Corrupt, match=r"vocabulary\.json is missing"):
        Bundle.open(folder)


def test_weights_that_do_not_fit_the_network_are_refused():
    specification = LstmSpecification(vocabulary_size=5, input_size=6, hidden_size=4)
    tensors = dict(specification.build(seed=1).tensors())
    with pytest.raises(ValueError, match="size mismatch"):
        specification.model_copy(update={"hidden_size": 8}).restore(tensors)
    del tensors["output.bias"]
    with pytest.raises(ValueError, match=r"output\.bias"):
        specification.restore(tensors)


def test_the_card_is_readable_without_hindcast(saved):
    _, folder = saved
    assert json.loads((folder / "bundle.json").read_text())["card"]["metrics"] == {"test_perplexity": 1.5}


def test_facts_are_the_card_and_what_the_bundle_shows(saved):
    bundle, folder = saved
    facts = Bundle.open(folder).facts()
    assert facts["metrics"] == {"test_perplexity": 1.5}
    assert facts["vocabulary"] == {"size": 5, "sha256": bundle.vocabulary.sha256}
    assert (facts["pipeline"], facts["history"], facts["network"]["hidden_size"]) == ("wikitext", "document", 4)
    # Input 5 x 6, compression 6 x 3 + 3, two LSTM layers of 4 (torch's have two biases), output 4 x 5 + 5.
    assert facts["parameters"] == 30 + 21 + (16 * 3 + 16 * 4 + 32) + (16 * 4 + 16 * 4 + 32) + 25
