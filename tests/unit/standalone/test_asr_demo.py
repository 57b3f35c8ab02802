"""What `make asr-demo` does around the recogniser and the service."""

import gzip
import json
import wave

import numpy as np
import pytest
from written_lists import untar

from hindcast.errors import InvalidInput
from hindcast_scorer.lattices.slf import Slf
from hindcast_standalone.demonstrations.asr_audio import RATE, Recording, Skipped, recordings, samples
from hindcast_standalone.demonstrations.asr_decoding import Decoded, decode_all, pocketsphinx
from hindcast_standalone.demonstrations.asr_model import request, texts
from hindcast_standalone.demonstrations.asr_report import report, terminal_table, write
from hindcast_standalone.demonstrations.asr_rescoring import Outcome, Rescored, archive, lists_of, outcome, scorings

HEADER = "id\tset\tfile\tsample_rate\tseconds\ttranscript\n"
SLF = "VERSION=1.0\nstart=0\nend=1\nN=2 L=1\nI=0 t=0 W=!SENT_START\nI=1 t=1 W=rain\nJ=0 S=0 E=1 a=-3 p=1\n"


def speech(path, *, rate=RATE, seconds=1.0, channels=1):
    noise = np.random.default_rng(1).normal(0, 3000, int(rate * seconds)) * (
        1 + np.sin(np.arange(rate * seconds) / 900)
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(noise.astype("<i2"), channels).tobytes())
    return path


def recording(path, id="a", set="one", transcript="RAIN, fell."):
    return Recording(id, set, path, 1.0, transcript)


def decoded(folder, id, text, *, set="one", transcript="rain fell", lattice=True):
    path = folder / f"{id}.slf"
    if lattice:
        path.write_text(SLF)
    return Decoded(recording(folder / f"{id}.wav", id, set, transcript), text, path)


def test_recordings_are_read_from_their_table(tmp_path):
    (tmp_path / "audio.tsv").write_text(HEADER + 'a\tone\tx/a.wav\t16000\t1.5\tHe said "Rain,\n')
    (found,) = recordings(tmp_path)
    assert (found.file, found.seconds, found.reference) == (tmp_path / "x/a.wav", 1.5, "he said rain")
    assert found.half in (0, 1)


@pytest.mark.parametrize("line", ["", "a\tone\n", "../a\tone\ta.wav\t1\t1\train\n", "a\tone\ta.wav\t1\tlong\train\n"])
def test_a_table_that_is_none_is_told(tmp_path, line):
    (tmp_path / "audio.tsv").write_text(HEADER + line)
    with pytest.raises(InvalidInput, match=r"audio\.tsv"):
        recordings(tmp_path)


def test_a_table_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InvalidInput, match="DATA"):
        recordings(tmp_path)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050])
def test_speech_comes_at_the_recognisers_rate(tmp_path, rate):
    content = samples(recording(speech(tmp_path / "a.wav", rate=rate)))
    assert content.dtype == np.int16
    assert len(content) == pytest.approx(RATE, abs=2)


def test_what_cannot_be_read_is_skipped_by_name(tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    for file in (speech(tmp_path / "two.wav", channels=2), tmp_path / "bad.wav", tmp_path / "none.wav"):
        with pytest.raises(Skipped):
            samples(recording(file))
    said = []
    (tmp_path / "x.flac").write_bytes(b"fLaC")
    assert decode_all([recording(tmp_path / "x.flac", id="x")], tmp_path / "kept", no_recogniser, said.append) == []
    assert said[0].startswith("x (one) is skipped: x.flac")


def test_flac_is_read_with_the_package_soundfile(tmp_path):
    soundfile = pytest.importorskip("soundfile", reason="soundfile isn't installed")
    content = np.arange(RATE, dtype=np.int16)
    soundfile.write(tmp_path / "a.flac", content, RATE)
    assert (samples(recording(tmp_path / "a.flac")) == content).all()
    soundfile.write(tmp_path / "two.flac", np.stack([content, content], axis=1), RATE)
    (tmp_path / "bad.flac").write_bytes(b"fLaC")
    for name in ("two.flac", "bad.flac"):
        with pytest.raises(Skipped):
            samples(recording(tmp_path / name))


def no_recogniser():
    raise AssertionError("nothing is left to decode")


def test_nothing_is_decoded_twice(tmp_path):
    def recogniser():
        def decode(content, lattice):
            lattice.write_text(SLF)
            return "rain"

        return decode

    heard = recording(speech(tmp_path / "a.wav"))
    first = decode_all([heard], tmp_path / "kept", recogniser, print)
    again = decode_all([heard], tmp_path / "kept", no_recogniser, print)
    assert first == again == [Decoded(heard, "rain", tmp_path / "kept" / "a.slf")]
    assert again[0].lattice_bytes() == SLF.encode()


def test_the_model_never_learns_the_novels_that_are_read_aloud(tmp_path):
    for split in ("train", "valid", "test"):
        line = json.dumps({"id": split, "paragraphs": [f"A {split} text."], "domain": "book"})
        (tmp_path / f"documents.{split}.jsonl.gz").write_bytes(gzip.compress(line.encode()))
    assert [document.id for document in texts(tmp_path).documents] == ["train", "valid"]
    small, large = (request(vocabulary=100, epochs=1, words=words) for words in (5, None))
    assert small["train"]["limit_tokens"] == 5
    assert "limit_tokens" not in large["train"]
    assert small["name"] != large["name"]
    (tmp_path / "documents.valid.jsonl.gz").unlink()
    with pytest.raises(InvalidInput, match="valid"):
        texts(tmp_path)


# Of different halves, a and e.
LISTS = {
    "a": [{"text": "rain", "am_score": -1.0}, {"text": "rain fell", "am_score": -2.0}],
    "e": [{"text": "rain fell", "am_score": -1.0}],
}
WEIGHTS = {
    "am_scale": 1.0,
    "lm_weight": 7.25,
    "word_insertion_penalty": -1.0,
    "interpolation": {"ngram": "own", "weight": 0.3},
}
BOTH, TRIGRAMS, NEURAL = scorings("own")


def heard(tmp_path):
    return [
        decoded(tmp_path, "a", "rain full"),
        decoded(tmp_path, "e", "[NOISE] rain fell.", set="two"),
        decoded(tmp_path, "c", "", set="two", lattice=False),
    ]


def test_error_rates_of_each_set_and_of_all(tmp_path):
    after = {"a": Rescored("rain", "rain fell"), "e": Rescored("rain fell", "fell")}
    found = report(heard(tmp_path), LISTS, [Outcome(BOTH, {0: {"weights": WEIGHTS}}, after)])
    one, two, both = found.rows
    assert one.columns[3:] == ("PocketSphinx", "Lists, both models", "Lattices, both models", "Oracle of lists")
    assert one.cells == ("one", "1", "2", "50.0", "50.0", "0.0", "0.0")
    assert two.cells == ("two", "2", "4", "50.0", "50.0", "75.0", "50.0")
    assert (both.set, both.words, both.rates["PocketSphinx"]) == ("all", 6, 50.0)
    assert len(terminal_table(found.rows).columns) == 7
    page = write(tmp_path / "out", found, model={"id": "lm_1", "name": None}, command="asr-demo")
    assert "| one | 1 | 2 | 50.0 | 50.0 | 0.0 | 0.0 |" in page.read_text()
    assert "half 0, tuned on half 1, both models: lm_weight 7.25" in page.read_text()
    facts = json.loads(page.with_suffix(".json").read_text())
    assert facts["rows"][1]["rates"]["Lattices, both models"] == 75.0
    assert facts["utterances"][1]["PocketSphinx"] == "rain fell"


def long_set(tmp_path, count=30):
    return [decoded(tmp_path, f"u{number}", "rain fell") for number in range(count)]


@pytest.mark.parametrize(
    ("now", "verdict"),
    [("rain full", "it makes things worse"), ("rain fell", "no significant difference")],
)
def test_the_verdict_is_plain(tmp_path, now, verdict):
    some = long_set(tmp_path)
    after = {each.recording.id: Rescored(now, "rain fell") for each in some}
    found = report(some, {}, [Outcome(NEURAL, {}, after)])
    lists, lattices = found.verdicts
    assert lists.startswith("Lists, neural alone: WER")
    assert verdict in lists
    assert "0.0 % beside 0.0 % of PocketSphinx" in lattices


def test_both_models_are_held_against_the_trigrams_alone(tmp_path):
    some = long_set(tmp_path)
    good, bad = ({each.recording.id: Rescored(text, text) for each in some} for text in ("rain fell", "rain"))
    verdicts = report(some, {}, [Outcome(BOTH, {}, good), Outcome(TRIGRAMS, {}, bad)]).verdicts
    told = [each for each in verdicts if "of Lists, trigrams alone" in each]
    assert len(told) == 1
    assert "it helps" in told[0]
    assert "-50.0 points" in told[0]


def test_a_set_without_words_is_told(tmp_path):
    silent = [decoded(tmp_path, "a", "", transcript="-")]
    assert report(silent, {}, [Outcome(NEURAL, {}, {})]).verdicts[0].endswith("nothing was said.")


class FakeApi:
    """Answers as the service would, and remembers what it was asked."""

    def __init__(self):
        self.posted, self.sent = [], []

    def post(self, path, body):
        self.posted.append((path, body))
        if path.endswith("/tune"):
            return {"weights": WEIGHTS | {"lm_weight": 7.0 + len(self.posted)}}
        return {"lists": [{**one, "best": len(one["hypotheses"]) - 1} for one in body["lists"]]}

    def send(self, path, body, query, *, accept="*/*"):
        self.sent.append(query)
        names = [name.removesuffix(".slf") for name in untar(body)]
        if query["answer"] == "nbest":
            texts = [{"text": text, "am_score": -1.0} for text in ("c. rain", "c rain", "see rain")]
            return "".join(json.dumps({"utterance": name, "hypotheses": texts}) + "\n" for name in names).encode()
        return "".join(f"{name} c. rain\n" for name in names).encode()


def test_each_half_is_rescored_by_the_weights_of_the_other(tmp_path):
    some = heard(tmp_path)
    assert list(untar(archive(some))) == ["a.slf", "e.slf"]
    api = FakeApi()
    found = outcome(api, "lm_1", some, LISTS, BOTH)
    for half, (path, body) in enumerate(api.posted[:2]):
        assert path == "/v1/models/lm_1/rescore/tune"
        assert [one["utterance"] for one in body["report"]] == [
            each.recording.id for each in some[:2] if each.recording.half == half
        ]
        assert {one["reference"] for one in body["development"]} <= {"rain fell"}
        assert (body["interpolations"][0], body["interpolations"][-1], len(body["interpolations"])) == (0.0, 1.0, 11)
    assert found.rescored == {"a": Rescored("rain fell", "c rain"), "e": Rescored("rain fell", "c rain")}
    options = [body["options"] for _, body in api.posted[2:]]
    assert [each["lm_weight"] for each in options] == [8.0, 9.0]
    assert options[0]["interpolation"] == {"ngram": "own", "weight": 0.3}
    assert [(query["lm_weight"], query["ngram"], query["neural_weight"]) for query in api.sent] == [
        (8.0, "own", 0.3),
        (9.0, "own", 0.3),
    ]


def test_without_trigrams_the_neural_model_stands_alone(tmp_path):
    (alone,) = scorings(None)
    api = FakeApi()
    outcome(api, "lm_1", heard(tmp_path), LISTS, alone)
    assert all("interpolation" not in body["options"] for _, body in api.posted)
    assert all("interpolations" not in body for _, body in api.posted)
    assert all("ngram" not in query for query in api.sent)


def test_lattices_are_sent_a_few_at_a_time(tmp_path):
    api = FakeApi()
    assert len(lists_of(api, "lm_1", long_set(tmp_path), BOTH)) == 30
    assert len(api.sent) == 3


def test_lists_hold_each_sequence_of_words_once(tmp_path):
    api = FakeApi()
    found = lists_of(api, "lm_1", heard(tmp_path), BOTH)
    assert [each["text"] for each in found["a"]] == ["c rain", "see rain"]
    assert (api.sent[0]["ngram"], api.sent[0]["neural_weight"]) == ("own", 0.5)


def test_a_real_lattice_reads_back_byte_for_byte(tmp_path):
    pytest.importorskip("pocketsphinx", reason="PocketSphinx isn't installed")
    lattice = tmp_path / "a.slf"
    pocketsphinx()(samples(recording(speech(tmp_path / "a.wav"))), lattice)
    assert lattice.is_file(), "noise makes it hear something too"
    with lattice.open("rb") as body:
        (read,) = Slf().read(body)
    assert b"".join(Slf().write([read])) == lattice.read_bytes()
    assert all(link.lm_score is None for link in read.links)
    assert read.nodes[read.start].word is None
