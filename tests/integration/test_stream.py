"""Streams over a real server and real WebSockets."""

import json
import math
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from hindcast.lm.bundle import Bundle, pack
from hindcast.lm.evaluation import score
from hindcast.lm.lstm import LstmSpecification
from hindcast.settings import Settings
from hindcast.text.pipeline import END
from hindcast.text.vocabulary import Vocabulary
from hindcast_client.decoders import KenLmScorer
from hindcast_client.errors import Unreachable, WrongUrl
from hindcast_client.stream import Evicted, Refused, ScoreStream
from hindcast_scorer.main import build
from hindcast_standalone.origin import Origin

WORDS = ["the", "rain", "naïve", "雨"]


@pytest.fixture
def bundle():
    vocabulary = Vocabulary.from_words(WORDS)
    specification = LstmSpecification(vocabulary_size=len(vocabulary), input_size=4, hidden_size=4)
    return Bundle(specification, specification.build(seed=1), vocabulary, "wikitext", "sentence", {})


@pytest.fixture
def url(serving, postgres_url, hindcast_home, bundle, tmp_path):
    """Of an origin that has the model `klein 雨`, and room for nine streams of 64 states."""
    (tmp_path / "bundle").mkdir()
    bundle.save(tmp_path / "bundle")
    pack(tmp_path / "bundle", tmp_path / "packed")
    settings = Settings(home=hindcast_home, database_url=postgres_url, stream_states=64, stream_connections=9)
    with serving(Origin({"scorer": build(settings)}, version="0")) as url:
        packed = (tmp_path / "packed").read_bytes()
        assert httpx.post(f"{url}/v1/models", params={"name": "klein 雨"}, content=packed).status_code == 201
        yield url


def exact(bundle, words):
    bundle.model.prepare_for_scoring()
    ids = bundle.vocabulary.encode(words)
    return score(bundle.model, [ids], history="sentence")[0].log_probs_N.tolist()


def test_several_decoders_at_once_each_get_what_is_right(url, bundle):
    together = threading.Barrier(8)

    def decode(number):
        words = [WORDS[(number + place * (number + 1)) % 4] for place in range(20)]
        with ScoreStream.open(url, "klein 雨") as stream:
            together.wait(30)
            state, logprobs = stream.begin_state(), []
            for word in words:
                states, found = stream.score_words([(state, word), (state, "typhoon")])
                state = states[0]
                logprobs.append(found[0])
            ((best, *_),) = stream.most_probable([state], k=2)
            assert stream.score_word(state, best[0])[1] == pytest.approx(best[1], abs=1e-6)
            log10 = KenLmScorer(stream).score("the naïve typhoon")
        return words, logprobs, log10

    with ThreadPoolExecutor(8) as pool:
        for words, logprobs, log10 in pool.map(decode, range(8)):
            assert logprobs == pytest.approx(exact(bundle, words), abs=1e-5)
            assert log10 == pytest.approx(sum(exact(bundle, ["the", "naïve", "typhoon", END])) / math.log(10), abs=1e-5)


def test_binary_frames_evictions_and_refusals(url):
    with ScoreStream.open(url, "klein 雨", history="document") as stream:
        assert (stream.opening["history"], stream.opening["limits"]["states"]) == ("document", 64)
        start = stream.begin_state()
        told = stream.score_words([(start, word) for word in WORDS])[1]
        states, logprobs = stream.score_ids([start] * 4, [stream.vocabulary[word] for word in WORDS])
        assert logprobs == pytest.approx(told, rel=1e-6)
        for _ in range(5):
            stream.score_ids(states, [2] * 4)
            stream.score_ids([start] * 20, [2] * 20)
        assert stream.evicted > 0
        with pytest.raises(Evicted) as evicted:
            stream.score_word(start + 1, "rain")
        assert evicted.value.state == start + 1
        with pytest.raises(Refused, match="at most 32 items"):
            stream.score_ids([start] * 33, [2] * 33)
        with pytest.raises(Refused) as refused:
            stream.ask(score=[[start, 99]])
        assert refused.value.problem["errors"][0]["field"] == "score.0.1"
        stream.release(states)
        assert stream.score_word(start, "雨")[1] == pytest.approx(told[-1], abs=1e-6)


def test_an_interrupted_question_doesnt_shift_the_answers_to_the_next(url, bundle):
    with ScoreStream.open(url, "klein 雨") as stream:
        start = stream.begin_state()
        expected = {word: stream.score_word(start, word)[1] for word in WORDS}
        received = stream._connection.recv

        def interrupted():
            stream._connection.recv = received
            raise KeyboardInterrupt

        stream._connection.recv = interrupted
        with pytest.raises(KeyboardInterrupt):
            stream.score_words([(start, "the")] * 30)
        assert {word: stream.score_word(start, word)[1] for word in WORDS} == expected
        stream._connection.recv = interrupted
        with pytest.raises(KeyboardInterrupt):
            stream.score_ids([start], [2])
        ids = [stream.vocabulary[word] for word in WORDS]
        assert stream.score_ids([start] * 4, ids)[1] == pytest.approx(list(expected.values()), rel=1e-6)


def test_threads_take_turns_on_one_stream(url, bundle):
    with ScoreStream.open(url, "klein 雨") as stream, ThreadPoolExecutor(4) as pool:
        start = stream.begin_state()
        expected = {word: stream.score_word(start, word)[1] for word in WORDS}
        found = pool.map(lambda word: (word, stream.score_word(start, word)[1]), WORDS * 5)
        assert all(logprob == expected[word] for word, logprob in found)


def test_what_ends_a_stream_is_an_error_of_hindcasts(url):
    stream = ScoreStream.open(url, "klein 雨")
    assert "rain" in stream
    assert "Typhoon" not in stream
    stream.close()
    with pytest.raises(Unreachable, match="has ended"):
        stream.begin_state()
    with pytest.raises(WrongUrl):
        ScoreStream.open("ftp://127.0.0.1", "klein")


def test_a_slow_client_and_one_that_sends_garbage_hold_up_nobody(url, bundle):
    address = f"{url.replace('http', 'ws')}/v1/models/{quote('klein 雨')}/stream"
    with (
        connect(address, max_queue=1, compression=None) as slow,
        connect(address) as odd,
        ScoreStream.open(url, "klein 雨") as one,
    ):
        slow.recv()
        stopped = threading.Thread(target=_send_without_reading, args=(slow,))
        stopped.start()
        odd.recv()
        for frame in ("", "null", b"\0" * 50, '{"id":[]}', '{"score":5}'):
            odd.send(frame)
            assert json.loads(odd.recv())["problem"]["status"] == 422
        state = one.begin_state()
        assert one.score_word(state, "rain")[1] == pytest.approx(exact(bundle, ["rain"])[0], abs=1e-5)
        slow.socket.shutdown(socket.SHUT_RDWR)
        stopped.join(30)


def _send_without_reading(websocket):
    """Until there is no room for more."""
    try:
        for _ in range(20_000):
            websocket.send('{"vocabulary":true}')
    except (ConnectionClosed, OSError):
        pass


def test_no_more_streams_than_there_may_be_and_none_of_what_is_not_there(url):
    with pytest.raises(Refused) as refused:
        ScoreStream.open(url, "lm_9")
    assert refused.value.problem["status"] == 404
    streams = [ScoreStream.open(url, "klein 雨") for _ in range(9)]
    with pytest.raises(Refused) as refused:
        ScoreStream.open(url, "klein 雨")
    assert refused.value.problem["status"] == 429
    for stream in streams:
        stream.close()
