"""/v1/ngrams and options.interpolation, over HTTP."""

import gzip
import hashlib
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plain_arpa import PlainArpa

from hindcast.text.pipeline import END
from hindcast_scorer.ngram_models import NgramModels
from hindcast_scorer.ngrams import upload

FILES = Path(__file__).parent / "ngram_files"
ARPA = (FILES / "little.arpa").read_bytes()
PROBING, TRIE = (FILES / "little.probing.klm").read_bytes(), (FILES / "little.trie.klm").read_bytes()
LISTS = [{"utterance": "1", "hypotheses": [{"text": "schools closed"}, {"text": "the rain typhoon"}, {"text": ""}]}]


def has_kenlm() -> bool:
    try:
        import kenlm  # noqa: F401
    except ImportError:
        return False
    return True


needs_kenlm = pytest.mark.skipif(not has_kenlm(), reason="needs kenlm: make kenlm")


def sent(scorer, content=ARPA, **params):
    return scorer.http.post("/v1/ngrams", content=content, params=params)


def wrong(scorer, content):
    """Where an upload that must be refused is wrong, and how."""
    answer = sent(scorer, content)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert_nothing_was_made(scorer)
    (error,) = answer.json()["errors"]
    return error["field"], error["message"]


def assert_nothing_was_made(scorer):
    assert scorer.http.get("/v1/ngrams").json() == {"items": [], "next_cursor": None}
    assert [*(scorer.folder / "artifacts").glob("ngrams/*/*")] == []
    assert [*(scorer.folder / "ngrams").glob("*")] == []


@pytest.fixture
def model(scorer, make_bundle):
    """Served as `lm_1`."""
    scorer.add(make_bundle(pipeline="asr", history="document"))


def rescored(scorer, lists=LISTS, **options):
    answer = scorer.ask("/v1/models/lm_1/rescore", lists=lists, options=options)
    return answer["lists"][0]["hypotheses"]


@needs_kenlm
@pytest.mark.parametrize(
    ("content", "format"), [(ARPA, "arpa"), (PROBING, "kenlm-binary"), (TRIE, "kenlm-binary")], ids=str
)
def test_an_upload_becomes_a_resource(scorer, content, format):
    answer = sent(scorer, content, name="little")
    assert answer.status_code == 201
    card = answer.json()
    assert answer.headers["location"] == f"/v1/ngrams/{card['id']}"
    assert card["id"].startswith("ngr_")
    assert card["created_at"].endswith("Z")
    assert {key: card[key] for key in card.keys() - {"id", "created_at"}} == {
        "name": "little",
        "order": 3,
        "words": 7,
        "ngrams": [7, 5, 3],
        "format": format,
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "warnings": [],
    }
    for reference in ("little", card["id"]):
        assert scorer.http.get(f"/v1/ngrams/{reference}").json() == card
    assert [*(scorer.folder / "ngrams").iterdir()] == []


@needs_kenlm
def test_gzip_is_unpacked_where_it_is_announced(scorer):
    packed = gzip.compress(ARPA)
    assert wrong(scorer, packed) == ("body", "is a gzip file: send the header Content-Encoding: gzip with it")
    cut = scorer.http.post("/v1/ngrams", content=packed[:-9], headers={"content-encoding": "gzip"})
    assert (cut.status_code, "no whole gzip" in cut.json()["detail"]) == (422, True)
    assert_nothing_was_made(scorer)
    answer = scorer.http.post("/v1/ngrams", content=packed, headers={"content-encoding": "gzip"})
    assert answer.json()["sha256"] == hashlib.sha256(ARPA).hexdigest()


@needs_kenlm
def test_they_are_listed_newest_first_and_by_name(scorer):
    ids = [sent(scorer, name=f"n{number}").json()["id"] for number in range(3)]
    page = scorer.http.get("/v1/ngrams", params={"limit": 2}).json()
    assert [card["id"] for card in page["items"]] == [ids[2], ids[1]]
    rest = scorer.http.get("/v1/ngrams", params={"cursor": page["next_cursor"]}).json()
    assert ([card["id"] for card in rest["items"]], rest["next_cursor"]) == ([ids[0]], None)
    assert [card["id"] for card in scorer.http.get("/v1/ngrams?name=n1").json()["items"]] == [ids[1]]
    assert scorer.http.get("/v1/ngrams?order=3").status_code == 422


@needs_kenlm
def test_a_name_that_is_taken_is_refused(scorer):
    first = sent(scorer, name="little").json()["id"]
    answer = sent(scorer, name="little")
    assert (answer.status_code, first in answer.json()["detail"]) == (409, True)
    assert sent(scorer, name="a/b").status_code == 422
    assert len(scorer.http.get("/v1/ngrams").json()["items"]) == 1


@needs_kenlm
def test_what_is_deleted_is_closed_and_its_file_discarded(scorer, model):
    id = sent(scorer, name="little").json()["id"]
    asked = {"interpolation": {"ngram": "little"}}
    rescored(scorer, **asked)
    assert scorer.ngrams._shelf.ids == [id]
    assert scorer.http.delete("/v1/ngrams/little").status_code == 204
    assert scorer.ngrams._shelf.ids == []
    assert scorer.http.get(f"/v1/ngrams/{id}").status_code == 404
    assert scorer.http.delete("/v1/ngrams/little").status_code == 404
    refused = scorer.refused("/v1/models/lm_1/rescore", lists=LISTS, options=asked)
    assert refused == (404, ["options.interpolation.ngram"])
    with scorer.database.transaction() as transaction:
        (discarded,) = transaction.discards.list()
    assert discarded.startswith(f"ngrams/{id}/")


@needs_kenlm
def test_it_is_there_after_a_restart(scorer, model):
    sent(scorer, name="little")
    before = rescored(scorer, interpolation={"ngram": "little"})
    again = NgramModels(scorer.database, scorer.artifacts, scratch=scorer.folder / "ngrams", memory_bytes=1)
    again.open("little", field="ngram")
    assert again.get("little") == scorer.ngrams.get("little")
    scorer.ngrams._shelf.drop(again.get("little").id)
    assert rescored(scorer, interpolation={"ngram": "little"}) == before


@needs_kenlm
def test_more_than_fits_are_open_one_at_a_time(cramped_scorer, make_bundle):
    cramped_scorer.add(make_bundle(pipeline="asr", history="document"))
    ids = [sent(cramped_scorer, content).json()["id"] for content in (ARPA, PROBING)]
    for id in ids:
        rescored(cramped_scorer, interpolation={"ngram": id})
        assert cramped_scorer.ngrams._shelf.ids == [id]


@needs_kenlm
def test_a_damaged_file_is_a_clear_problem(scorer, model):
    sent(scorer, PROBING, name="little")
    stored = scorer.artifacts.fetch(scorer.ngrams.get("little").artifact) / "ngram"
    stored.write_bytes(PROBING[:300] + b"\xff" + PROBING[301:])
    body = {"lists": LISTS, "options": {"interpolation": {"ngram": "little"}}}
    answer = scorer.http.post("/v1/models/lm_1/rescore", json=body)
    assert (answer.status_code, "not what was stored" in answer.json()["detail"]) == (500, True)


@needs_kenlm
@pytest.mark.parametrize("mode", ["linear", "log_linear"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("content", [ARPA, TRIE], ids=["arpa", "trie"])
def test_both_models_are_joined_word_by_word(scorer, model, mode, weight, content):
    sent(scorer, content, name="little")
    options = {"tokens": True, "interpolation": {"ngram": "little", "weight": weight, "mode": mode}, "lm_weight": 2.0}
    for alone, told in zip(rescored(scorer, tokens=True), rescored(scorer, **options), strict=True):
        words = told["text"].split()
        by_hand = PlainArpa(ARPA.decode()).log_probs(words)
        neural = np.array([token["neural_logprob"] for token in alone["tokens"]])
        assert [token["token"] for token in told["tokens"]] == [*words, END]
        assert [token["ngram_logprob"] for token in told["tokens"]] == pytest.approx(by_hand.tolist(), abs=1e-6)
        assert told["ngram_logprob"] == pytest.approx(by_hand.sum(), abs=1e-6)
        assert told["neural_logprob"] == alone["neural_logprob"]
        if mode == "linear":
            joined = np.log(weight * np.exp(neural) + (1 - weight) * np.exp(by_hand))
        else:
            joined = weight * neural + (1 - weight) * by_hand
        assert told["lm_logprob"] == pytest.approx(joined.sum(), abs=1e-6)
        assert told["total"] == pytest.approx(2.0 * told["lm_logprob"])


@needs_kenlm
def test_it_looks_neither_at_a_context_nor_at_what_a_session_has_heard(scorer, model):
    sent(scorer, name="little")
    asked = {"interpolation": {"ngram": "little"}}
    alone = rescored(scorer, **asked)
    session = scorer.http.post("/v1/models/lm_1/sessions", json={}).json()["id"]
    twice = [{**LISTS[0], "utterance": str(number)} for number in range(2)]
    answer = scorer.ask("/v1/models/lm_1/rescore", lists=twice, options={**asked, "session": session})
    for told in (rescored(scorer, context="the rain", **asked), *(each["hypotheses"] for each in answer["lists"])):
        assert [each["ngram_logprob"] for each in told] == [each["ngram_logprob"] for each in alone]
    assert answer["lists"][1]["hypotheses"][0]["neural_logprob"] != alone[0]["neural_logprob"]


@needs_kenlm
def test_words_are_the_models_own(scorer, model):
    sent(scorer, name="little")
    loud = [{"utterance": "1", "hypotheses": [{"text": "SCHOOLS-CLOSED"}]}]
    asked = {"interpolation": {"ngram": "little"}}
    assert rescored(scorer, loud, **asked)[0]["ngram_logprob"] == rescored(scorer, **asked)[0]["ngram_logprob"]


@needs_kenlm
@pytest.mark.parametrize("reference", ["nobody", "ngr_0", "lm_1"])
def test_an_unknown_one_is_named(scorer, model, reference):
    asked = {"lists": LISTS, "options": {"interpolation": {"ngram": reference}}}
    assert scorer.refused("/v1/models/lm_1/rescore", **asked) == (404, ["options.interpolation.ngram"])


@needs_kenlm
def test_a_file_without_unk_is_taken_and_it_is_said(scorer, model):
    text = ARPA.replace(b"-1.2\t<unk>\n", b"").replace(b"ngram 1=7", b"ngram 1=6")
    (warning,) = sent(scorer, text, name="little").json()["warnings"]
    assert "no <unk>" in warning
    linear = rescored(scorer, interpolation={"ngram": "little"}, tokens=True)[1]["tokens"]
    assert linear[2]["ngram_logprob"] < -200
    told = rescored(scorer, interpolation={"ngram": "little", "weight": 0.5})[1]
    assert told["lm_logprob"] > told["neural_logprob"] + 3 * math.log(0.5) - 1e-6


BAD = {
    "empty": (b"", "line 1", "the file ends"),
    "no ARPA": (b"hello\nworld\n", "line 1", "neither an ARPA file nor a KenLM binary, is 'hello'"),
    "no counts": (b"\\data\\\n\n", "line 2", "0 are"),
    "one order": (b"\\data\\\nngram 1=3\n\n", "line 3", "2 to 6 orders"),
    "an order that is left out": (ARPA.replace(b"ngram 2", b"ngram 4"), "line 3", "`ngram 2=1000`"),
    "a count in words": (ARPA.replace(b"ngram 2=5", b"ngram 2=five"), "line 3", "'ngram 2=five'"),
    "fewer than said": (ARPA.replace(b"ngram 1=7", b"ngram 1=8"), "line 14", "end after 7, and the header says 8"),
    "more than said": (ARPA.replace(b"ngram 2=5", b"ngram 2=4"), "line 20", "must be \\3-grams:"),
    "more than said at the end": (ARPA.replace(b"ngram 3=3", b"ngram 3=2"), "line 25", "more than the header says"),
    "no number": (ARPA.replace(b"-0.4\t<s> schools", b"x\t<s> schools"), "line 16", "finite number"),
    "not a number": (ARPA.replace(b"-0.8\tschools", b"nan\tschools"), "line 10", "finite number"),
    "infinite": (ARPA.replace(b"-0.8\tschools\t-0.4", b"-0.8\tschools\t-inf"), "line 10", "back-off weight"),
    "above 0": (ARPA.replace(b"-0.6\tthe rain", b"0.6\tthe rain"), "line 19", "0 or less"),
    "too many words": (ARPA.replace(b"the rain\t-0.05", b"the the rain\t-0.05"), "line 19", "has 3 words"),
    "blanks for tabs": (ARPA.replace(b"-0.9\t</s>", b"-0.9 </s>"), "line 8", "a tab and 1 word"),
    "too many columns": (
        ARPA.replace(b"-0.2\tclosed </s>", b"-0.2\tclosed </s>\t-1\t-1"),
        "line 18",
        "a tab and 2 words",
    ),
    "back-off of the highest": (ARPA.replace(b"-0.45\t<s> the rain", b"-0.45\t<s> the rain\t-1"), "line 25", "none"),
    "an unlisted word": (ARPA.replace(b"the rain\t-0.05", b"the fog\t-0.05"), "line 19", "'fog', which is not among"),
    "a word twice": (ARPA.replace(b"-1.1\tthe", b"-1.1\train"), "line 13", "a second time"),
    "Latin-1": (ARPA.replace(b"-1.1\tthe", b"-1.1\tth\xe9"), "line 13", "not UTF-8"),
    "no end of sentence": (ARPA.replace(b"</s>", b"<end>"), "line 13", "without </s>"),
    "cut short": (ARPA[: ARPA.index(b"schools closed </s>")], "line 24", "has 0 words"),
    "no end": (ARPA.replace(b"\\end\\\n", b""), "line 27", "the file ends"),
    "more after the end": (ARPA + b"rest\n", "line 28", "after \\end\\"),
    "a missing context": (ARPA.replace(b"<s> the rain", b"rain the rain"), "line 25", "context of every 3-gram"),
    "a long line": (b"\\data\\\n" + b"x" * 70_000, "line 2", "longer than"),
}


@needs_kenlm
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_arpa_file_is_refused_by_its_line(scorer, name):
    content, field, message = BAD[name]
    told = wrong(scorer, content)
    assert told[0] == field, told
    assert message in told[1]


def header(**changes):
    """PROBING with another header."""
    place = {"order": (88, 1), "slots": (92, 4), "kind": (96, 4), "unigrams": (108, 8), "version": (48, 3)}
    content = bytearray(PROBING)
    for name, value in changes.items():
        start, length = place[name]
        content[start : start + length] = value
    return bytes(content)


@needs_kenlm
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PROBING[:60], "another version"),
        (PROBING[:100], "ends within its header"),
        (PROBING[:112], "ends within its header"),
        (PROBING[:400], "KenLM"),
        (TRIE[:300], "KenLM"),
        (header(order=b"\0"), "order 0"),
        (header(order=b"\xff"), "order 255"),
        (header(kind=b"\x63\0\0\0"), "kind 99"),
        (header(slots=b"\0\0\xc0\x7f"), "order 3"),
        (header(unigrams=b"\xff" * 8), "too few"),
        (PROBING[:144] + b"\xff" * (len(PROBING) - 144), "damaged"),
    ],
)
def test_a_damaged_binary_is_refused(scorer, content, message):
    field, told = wrong(scorer, content)
    assert field == "body"
    assert message in told


@needs_kenlm
def test_what_kenlm_never_ends_with_is_refused(scorer, monkeypatch):
    monkeypatch.setattr(upload, "TRIAL_SECONDS", 0.0)
    assert wrong(scorer, ARPA) == ("body", "is damaged: KenLM doesn't come to an end with it")


pieces = st.sampled_from(
    [b"\\data\\", b"ngram 1=2", b"\\1-grams:", b"-1\t<s>", b"\\end\\", b"", b"\xff\xfe\0", b"-1e9\ta b"]
)


@needs_kenlm
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=300), st.lists(pieces, max_size=12).map(b"\n".join)))
def test_garbage_is_a_problem_and_never_a_failure(scorer, content):
    assert wrong(scorer, content)[0].split()[0] in ("line", "body")


@needs_kenlm
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_change_is_taken_or_a_problem(scorer, data):
    whole = data.draw(st.sampled_from([ARPA, PROBING, TRIE]))
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:place] + data.draw(st.binary(max_size=4)) + whole[place + data.draw(st.integers(0, 4)) :]
    assert sent(scorer, changed).status_code in (201, 422)


def test_without_the_package_it_says_what_to_install(scorer, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "kenlm", None)
    body = {"lists": LISTS, "options": {"interpolation": {"ngram": "little"}}}
    for answer in (sent(scorer), scorer.http.post("/v1/models/lm_1/rescore", json=body)):
        assert (answer.status_code, answer.json()["type"]) == (501, "/problems/not-installed")
        assert "pip install kenlm" in answer.json()["detail"]
    assert_nothing_was_made(scorer)
    rescored(scorer)
