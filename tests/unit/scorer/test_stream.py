"""WS /v1/models/{id}/stream, on a model of a dozen words."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import WebSocketDenialResponse

from hindcast.lm.bundle import Bundle
from hindcast.lm.evaluation import score
from hindcast.lm.lstm import LstmSpecification
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.pipeline import END
from hindcast_scorer.streaming.stream import MAX_FRAME_BYTES, Limits, Stream

PATH = "/v1/models/lm_1/stream"
SENTENCE = ["the", "rain", "fell", "schools", "closed", END, "Rain", "hurricane", END, "relief"]


class Decoder:
    """Sends frames and hears their answers."""

    def __init__(self, websocket) -> None:
        self.websocket = websocket
        self.opening = json.loads(websocket.receive_text())
        self.sent = 0

    def ask(self, **frame):
        self.sent += 1
        self.websocket.send_text(json.dumps({"id": self.sent, **frame}))
        answer = json.loads(self.websocket.receive_text())
        assert answer["id"] == self.sent
        return answer

    def start(self, **context) -> int:
        return self.ask(start=context)["state"]

    def walk(self, words, state=None) -> list[float]:
        """Log-probabilities along a path."""
        state = self.start() if state is None else state
        logprobs = []
        for word in words:
            answer = self.ask(score=[[state, word]])
            (state,), (logprob,) = answer["states"], answer["logprobs"]
            logprobs.append(logprob)
        return logprobs


@contextmanager
def connected(scorer, path=PATH) -> Iterator[Decoder]:
    with scorer.http.websocket_connect(path) as websocket:
        yield Decoder(websocket)


def slow_way(bundle, words, history=None) -> np.ndarray:
    bundle.model.prepare_for_scoring()
    ids = bundle.vocabulary.encode(words)
    return score(bundle.model, [ids], history=history or bundle.history)[0].log_probs_N


def little_stream(bundle, *, states=64, history="sentence", normalize=True) -> Stream:
    bundle.model.prepare_for_scoring()
    model = SinglePrecisionModel(bundle.model)
    limits = Limits(states=states, memory_bytes=1 << 20)
    start = ReadingPoint.start(model)
    return Stream(bundle, model, start, limits=limits, history=history, normalize=normalize)


def asked(stream: Stream, **frame):
    return json.loads(stream.answer(json.dumps(frame)))


@pytest.fixture
def bundle(make_bundle, scorer):
    bundle = make_bundle(pipeline="wikitext", history="document")
    scorer.add(bundle, name="little")
    return bundle


def test_the_opening_tells_what_a_decoder_must_know(scorer, bundle):
    with connected(scorer) as decoder:
        assert decoder.opening == {
            "model": "lm_1",
            "name": "little",
            "log_base": "e",
            "vocabulary": {"size": 14, "sha256": bundle.vocabulary.sha256},
            "history": "document",
            "pipeline": "wikitext",
            "sum": "exact",
            "limits": {"states": 65_536, "pairs": 16_384, "frame_bytes": MAX_FRAME_BYTES},
        }
        assert decoder.ask(vocabulary=True)["words"] == list(bundle.vocabulary.words)


@pytest.mark.parametrize("history", ["sentence", "document"])
def test_a_path_scores_what_the_same_text_scores(scorer, bundle, history):
    with connected(scorer, f"{PATH}?history={history}") as decoder:
        assert decoder.walk(SENTENCE) == pytest.approx(slow_way(bundle, SENTENCE, history).tolist(), abs=1e-5)
        ids = bundle.vocabulary.encode(SENTENCE).tolist()
        assert decoder.walk(ids) == pytest.approx(slow_way(bundle, SENTENCE, history).tolist(), abs=1e-5)


def test_a_whole_beam_in_one_frame(scorer, bundle):
    words = list(bundle.vocabulary.words)
    with connected(scorer) as decoder:
        first = decoder.ask(score=[[decoder.start(), word] for word in words])
        pairs = [
            (state, before, after) for state, before in zip(first["states"], words, strict=True) for after in words
        ]
        second = decoder.ask(score=[[state, after] for state, _, after in pairs])
        assert len(set(second["states"])) == len(pairs)
        for (_, before, after), logprob in zip(pairs, second["logprobs"], strict=True):
            assert logprob == pytest.approx(slow_way(bundle, [before, after])[1], abs=1e-5)
        again = decoder.ask(score=[[state, after] for state, _, after in reversed(pairs)])
        assert again["logprobs"][::-1] == pytest.approx(second["logprobs"], abs=1e-6)


def test_the_most_probable_words_are_those_of_next(scorer, bundle):
    with connected(scorer) as decoder:
        states = [decoder.start(), decoder.start(context="the rain\nfell")]
        answer = decoder.ask(top=[*states, 999], k=5)
    for place, context in enumerate(["", "the rain\nfell"]):
        told = scorer.ask("/v1/models/lm_1/next", context=context, k=5)["predictions"]
        assert answer["words"][place] == [each["word"] for each in told]
        assert answer["logprobs"][place] == pytest.approx([each["logprob"] for each in told], abs=1e-5)
    assert (answer["words"][2], answer["logprobs"][2], answer["errors"][0]["error"]) == (None, None, "unknown")


def test_a_context_is_read_first_as_far_back_as_the_history_goes(scorer, bundle):
    text = "the rain fell\nschools"
    read = ["the", "rain", "fell", END, "schools", "closed"]
    with connected(scorer) as decoder:
        assert decoder.walk(["closed"], decoder.start(context=text)) == pytest.approx(
            slow_way(bundle, read)[-1:].tolist(), abs=1e-5
        )
        complete = decoder.walk(["closed"], decoder.start(context=text, complete=True))
        assert complete == pytest.approx(slow_way(bundle, [*read[:-1], END, "closed"])[-1:].tolist(), abs=1e-5)
    with connected(scorer, f"{PATH}?history=sentence") as decoder:
        assert decoder.walk(["closed"], decoder.start(context=text)) == pytest.approx(
            slow_way(bundle, ["schools", "closed"])[-1:].tolist(), abs=1e-5
        )


def test_words_are_brought_into_the_pipelines_form(scorer, make_bundle):
    scorer.add(make_bundle(pipeline="asr"))
    with connected(scorer) as decoder:
        state = decoder.start()
        answer = decoder.ask(
            score=[[state, word] for word in ("HURRICANE", "hurricane", "typhoon", "rain-fell", "<unk>")]
        )
    assert answer["oov"] == [False, False, True, True, True]
    assert answer["logprobs"][0] == answer["logprobs"][1]
    assert len(set(answer["logprobs"][2:])) == 1


def test_a_binary_frame_gets_what_the_json_frame_gets(scorer, bundle):
    with connected(scorer) as decoder:
        start = decoder.start()
        states = decoder.ask(score=[[start, word] for word in range(14)])["states"]
        pairs = [(state, word) for state in states for word in range(14)] + [(9_999, 1)]
        told = decoder.ask(score=pairs)
        header = struct.pack("<4sB3xII", b"HCS1", 1, 77, len(pairs))
        arrays = np.array([s for s, _ in pairs], "<i8").tobytes() + np.array([w for _, w in pairs], "<i4").tobytes()
        decoder.websocket.send_bytes(header + arrays)
        answer = decoder.websocket.receive_bytes()
        assert struct.unpack_from("<4sB3xIIQ", answer) == (b"HCS1", 1, 77, len(pairs), 0)
        after = np.frombuffer(answer, "<i8", len(pairs), 24)
        log_probs = np.frombuffer(answer, "<f4", len(pairs), 24 + 8 * len(pairs))
        assert log_probs[:-1].tolist() == pytest.approx(told["logprobs"][:-1], rel=1e-6)
        assert (after[-1], np.isnan(log_probs[-1])) == (-2, True)
        assert len(set(after[:-1].tolist())) == len(pairs) - 1
        decoder.websocket.send_bytes(struct.pack("<4sB3xIIq", b"HCS1", 2, 78, 1, start))
        assert struct.unpack("<4sB3xIIQ", decoder.websocket.receive_bytes()) == (b"HCS1", 2, 78, 0, 0)
        assert decoder.ask(score=[[start, "rain"]])["errors"][0]["error"] == "evicted"


def test_the_states_used_longest_ago_are_evicted_and_that_is_said(make_bundle):
    stream = little_stream(make_bundle(pipeline="wikitext"), states=4)
    first = asked(stream, start={})["state"]
    second = asked(stream, score=[[first, "rain"]])["states"][0]
    third = asked(stream, score=[[second, "fell"]])["states"][0]
    last = asked(stream, score=[[first, "the"]])["states"][0]
    assert asked(stream, start={})["evicted"] == 1
    answer = asked(stream, score=[[second, "closed"], [last, "rain"]])
    assert (answer["states"][0], answer["logprobs"][0], answer["evicted"]) == (None, None, 2)
    (error,) = answer["errors"]
    assert (error["item"], error["state"], error["error"]) == (0, second, "evicted")
    assert str(second) in error["message"]
    assert answer["logprobs"][1] < 0
    assert asked(stream, score=[[third, "rain"]])["errors"][0]["error"] == "evicted"
    refused = asked(stream, score=[[last, "rain"]] * 3)
    assert [error["field"] for error in refused["problem"]["errors"]] == ["score"]


def test_what_was_released_makes_room(make_bundle):
    stream = little_stream(make_bundle(pipeline="wikitext"), states=4)
    state = asked(stream, start={})["state"]
    for _ in range(20):
        answer = asked(stream, score=[[state, "rain"], [state, "the"]], release=[state])
        assert answer["released"] == 1
        kept, pruned = answer["states"]
        assert asked(stream, release=[pruned, pruned, 12_345]) == {"id": None, "released": 1, "evicted": 0}
        state = kept
    assert asked(stream, top=[state], k=1)["evicted"] == 0


def test_rows_are_used_again(make_bundle):
    bundle = make_bundle(pipeline="wikitext")
    stream = little_stream(bundle, states=32, history="document")
    words = (SENTENCE * 12)[:100]
    state, logprobs = asked(stream, start={})["state"], []
    for word in words:
        answer = asked(stream, score=[[state, word], *[[state, other] for other in range(7)]])
        state = answer["states"][0]
        logprobs.append(answer["logprobs"][0])
    assert answer["evicted"] > 700
    assert logprobs == pytest.approx(slow_way(bundle, words, "document").tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("frame", "fields"),
    [
        ("{", ["frame"]),
        ("[]", ["frame"]),
        ("[" * 5000, ["frame"]),
        ('{"id":5}', ["frame"]),
        ('{"id":5,"score":[[0,"rain"]],"top":[0]}', ["frame"]),
        ('{"id":5,"score":[[0,"rain"],[0]]}', ["score.1.1"]),
        ('{"id":5,"score":[["0","rain"]]}', ["score.0.0"]),
        ('{"id":5,"score":[[-1,"rain"]]}', ["score.0.0"]),
        ('{"id":5,"score":[[0,14]]}', ["score.0.1"]),
        ('{"id":5,"score":[[0,""]]}', ["score.0.1"]),
        ('{"id":5,"score":[[0,1.5]]}', ["score.0.1"]),
        ('{"id":5,"score":[[99999999999999999999999,1]]}', ["score.0.0"]),
        ('{"id":5,"top":[0],"k":15}', ["k"]),
        ('{"id":5,"top":[0],"k":0}', ["k"]),
        ('{"id":5,"start":{"text":"rain"}}', ["start.text"]),
        ('{"id":5,"start":{"context":5}}', ["start.context"]),
        ('{"id":5,"vocabulary":false}', ["vocabulary"]),
        ('{"id":5,"beam":[]}', ["beam"]),
        ('{"id":5.5,"top":[0]}', ["id"]),
        (b"", ["header"]),
        (b"HCS2" + bytes(12), ["header.magic"]),
        (struct.pack("<4sB3xII", b"HCS1", 9, 5, 0), ["header.kind"]),
        (struct.pack("<4sB3xII", b"HCS1", 1, 5, 1 << 31), ["header.count"]),
        (struct.pack("<4sB3xIIqi", b"HCS1", 1, 5, 1, 0, 14), ["words.0"]),
        (struct.pack("<4sB3xIIqi", b"HCS1", 1, 5, 1, 0, -1), ["words.0"]),
    ],
)
def test_a_frame_that_cannot_be_read_is_refused_by_name_and_the_stream_goes_on(make_bundle, frame, fields):
    stream = little_stream(make_bundle(pipeline="wikitext"))
    state = asked(stream, start={})["state"]
    answer = json.loads(stream.answer(frame))
    assert [error["field"] for error in answer["problem"]["errors"]] == fields
    assert answer["problem"]["status"] == 422
    if fields not in (["frame"], ["header"], ["header.magic"], ["id"]):
        assert answer["id"] == 5
    assert asked(stream, score=[[state, "rain"]])["logprobs"][0] < 0


def test_a_frame_that_is_too_large_is_refused(make_bundle):
    stream = little_stream(make_bundle(pipeline="wikitext"))
    assert asked(stream, start={"context": "x" * MAX_FRAME_BYTES})["problem"]["errors"][0]["field"] == "frame"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["rain", "</s>", "sentence"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
STATES = st.integers(-2, 40)
PAIRS = st.lists(
    st.tuples(STATES, st.integers(-2, 16) | st.sampled_from(["rain", "</s>", "zeppelin", "", "a b"])), max_size=8
)
FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers() | JSON,
        "score": PAIRS | JSON,
        "top": st.lists(STATES, max_size=4) | JSON,
        "k": st.integers(-1, 20) | JSON,
        "start": st.fixed_dictionaries({}, optional={"context": st.text() | JSON, "complete": st.booleans() | JSON})
        | JSON,
        "release": st.lists(STATES, max_size=4) | JSON,
        "vocabulary": JSON,
        "other": JSON,
    },
).map(json.dumps)
BINARY = st.binary(max_size=60) | st.builds(
    lambda kind, count, rest: struct.pack("<4sB3xII", b"HCS1", kind, 3, count) + rest,
    st.integers(0, 3),
    st.integers(0, 4),
    st.binary(max_size=48),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(frames=st.lists(FRAMES | st.text() | BINARY, min_size=1, max_size=12))
def test_no_frame_breaks_a_stream(make_bundle, frames):
    stream = little_stream(make_bundle(pipeline="wikitext"), states=6)
    for frame in frames:
        answer = stream.answer(frame)
        if isinstance(answer, str):
            json.loads(answer, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    state = asked(stream, start={})["state"]
    assert asked(stream, score=[[state, "rain"]])["logprobs"][0] < 0


def test_a_stream_outlives_its_model(scorer, bundle):
    with connected(scorer) as decoder:
        assert scorer.http.delete("/v1/models/lm_1").status_code == 204
        assert decoder.walk(SENTENCE) == pytest.approx(slow_way(bundle, SENTENCE).tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("path", "status", "fields"),
    [
        ("/v1/models/lm_9/stream", 404, []),
        (f"{PATH}?history=paragraph", 422, ["history"]),
        (f"{PATH}?sum=skipped", 422, ["sum"]),
        (f"{PATH}?beam=9", 422, ["beam"]),
    ],
)
def test_a_handshake_that_cannot_be_is_refused_with_a_problem(scorer, bundle, path, status, fields):
    with pytest.raises(WebSocketDenialResponse) as refused, connected(scorer, path):
        pass
    assert refused.value.status_code == status
    assert refused.value.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in refused.value.json().get("errors", [])] == fields


def test_several_streams_have_states_of_their_own(scorer, bundle):
    with connected(scorer) as one, connected(scorer) as other:
        assert one.start() == other.start()
        one.walk(SENTENCE)
        assert other.ask(score=[[5, "rain"]])["errors"][0]["error"] == "unknown"


def test_a_path_of_tied_and_layered_models(make_bundle):
    """Whose states have several layers, and predict from other numbers than they hold."""
    vocabulary = make_bundle().vocabulary
    specification = LstmSpecification(vocabulary_size=14, input_size=6, hidden_size=8, layers=2, tied=True)
    bundle = Bundle(specification, specification.build(seed=3), vocabulary, "wikitext", "document", {})
    stream = little_stream(bundle, history="document")
    state = asked(stream, start={})["state"]
    for word in SENTENCE:
        answer = asked(stream, score=[[state, word]])
        state = answer["states"][0]
    assert answer["logprobs"][0] == pytest.approx(slow_way(bundle, SENTENCE)[-1], abs=1e-5)
