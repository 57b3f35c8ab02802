"""What each pipeline makes of raw text, and that training and serving make the same of it."""

import threading
from typing import get_args
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hindcast.errors import InvalidInput
from hindcast.text.pipeline import END, AsrPipeline, Context, PipelineName, PlainPipeline, pipeline

plain, asr, wikitext = pipeline("plain"), pipeline("asr"), pipeline("wikitext")
every_pipeline = pytest.mark.parametrize("name", get_args(PipelineName))

texts = st.text(
    st.sampled_from("aB é’'.?!,\"“”()-3<>/s\n\t\ufeff\u0301") | st.characters(exclude_categories=["Cs"]), max_size=80
)
pieces = st.sampled_from(
    ["He said. ", '"Yes," ', "don’t ", "<unk> ", "</s> ", "3.5 ", "\n", "\n\n", "U.S. ", "(it) ", '. "']
)
running = st.lists(pieces, max_size=12).map("".join)


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        ("It rained in Paris. We left!", [["It", "rained", "in", "Paris", "."], ["We", "left", "!"]]),
        ("Don't pay $3.50, Mr. Smith.", [["Do", "n't", "pay", "$", "3.50", ",", "Mr.", "Smith", "."]]),
        ('He left. "Why?" Nobody knew.', [["He", "left", "."], ['"', "Why", "?", '"'], ["Nobody", "knew", "."]]),
        ("One. (“Two”) Three", [["One", "."], ["(", "“", "Two", "”", ")", "Three"]]),
        ("Cafe\u0301  \t is\xa0open", [["Café", "is", "open"]]),
        ("a <unk>, and </s>.", [["a", "<unk>", ",", "and", "<", "/s", ">", "."]]),
        ("...", [["..."]]),
        (" \t", []),
        ("", []),
    ],
)
def test_plain(paragraph: str, sentences: list[list[str]]) -> None:
    assert plain.sentences(paragraph) == sentences


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        ("Don't go! It’s 3.5 o'clock, SURELY.", [["don't", "go"], ["it's", "3.5", "o'clock", "surely"]]),
        ("1,000 men -- at 10:30 -- left; e-mail 'em.", [["1,000", "men", "at", "10:30", "left", "e", "mail", "em"]]),
        ("The dogs' home (50%).", [["the", "dogs", "home", "50"]]),
        ("Yes. ... ? No.", [["yes"], ["no"]]),
        ("a <unk> </s> b", [["a", "<unk>", "s", "b"]]),
        ("?!", []),
        ("uh i don't know yeah", [["uh", "i", "don't", "know", "yeah"]]),
    ],
)
def test_asr(paragraph: str, sentences: list[list[str]]) -> None:
    assert asr.sentences(paragraph) == sentences


def test_wikitext_keeps_every_line() -> None:
    text = " \n = Hurricane = \n\n The <unk> @-@ storm </s> . \n"
    assert wikitext.document(text) == [[], ["=", "Hurricane", "="], [], ["The", "<unk>", "@-@", "storm", "<unk>", "."]]


def test_wikitext_breaks_lines_at_line_feeds_alone() -> None:
    assert wikitext.document("a\u2028b\x0cc\r\nd\u3000e") == [["a", "b", "c"], ["d", "e"]]


def test_blank_lines_are_nothing_in_running_text() -> None:
    assert plain.document("One\n\n\ntwo\n") == [["One"], ["two"]]


@pytest.mark.parametrize(
    ("name", "text", "context"),
    [
        ("wikitext", "a\nb", Context([["a"]], ["b"])),
        ("wikitext", "a\n\n", Context([["a"], []], [])),
        ("wikitext", "a\n ", Context([["a"]], [])),
        ("plain", "It rained. We", Context([["It", "rained", "."]], ["We"])),
        ("plain", "It rained.", Context([], ["It", "rained", "."])),
        ("plain", "It rained.\n\n", Context([], ["It", "rained", "."])),
        ("plain", 'It rained. "', Context([["It", "rained", "."]], ['"'])),
        ("plain", 'He said "', Context([], ["He", "said", '"'])),
        ("asr", "It rained. We, uh,", Context([["it", "rained"]], ["we", "uh"])),
    ],
)
def test_the_last_sentence_of_a_context_is_open(name: PipelineName, text: str, context: Context) -> None:
    assert pipeline(name).context(text) == context


@every_pipeline
def test_a_complete_context_has_nothing_open(name: PipelineName) -> None:
    assert pipeline(name).context("a\nb", complete=True) == Context([["a"], ["b"]], [])
    assert pipeline(name).context("a\n", complete=True) == Context([["a"]], [])


@every_pipeline
@pytest.mark.parametrize("complete", [False, True])
def test_an_empty_context_is_the_start_of_a_sentence(name: PipelineName, complete: bool) -> None:
    assert pipeline(name).context("", complete=complete) == Context([], [])


@every_pipeline
@given(paragraphs=st.lists((texts | running).map(lambda text: text.replace("\n", " ")), max_size=5))
@settings(max_examples=60)
def test_what_is_ingested_is_what_is_scored(name: PipelineName, paragraphs: list[str]) -> None:
    tokenise = pipeline(name)
    ingested = [sentence for sentences in tokenise.paragraphs(paragraphs) for sentence in sentences]
    assert ingested == [sentence for paragraph in paragraphs for sentence in tokenise.sentences(paragraph)]
    assert tokenise.document("".join(f"{paragraph}\n" for paragraph in paragraphs)) == ingested


@every_pipeline
@given(text=texts | running)
@settings(max_examples=100)
def test_words_are_words(name: PipelineName, text: str) -> None:
    sentences = pipeline(name).document(text)
    for word in (word for sentence in sentences for word in sentence):
        assert word.split() == [word]
        assert word != END
    assert name == "wikitext" or all(sentences)


@every_pipeline
@given(text=texts | running)
@settings(max_examples=60)
def test_a_context_has_all_of_its_text(name: PipelineName, text: str) -> None:
    context = pipeline(name).context(text)
    rest = [context.open] if context.open else []
    assert [*context.closed, *rest] in (pipeline(name).document(text), pipeline(name).document(text)[:-1])


@given(text=texts | running)
@settings(max_examples=100)
def test_plain_loses_no_character(text: str) -> None:
    words = [word for sentence in plain.sentences(text) for word in sentence]
    assert "".join(words) == "".join(normalize("NFC", text.replace("\ufeff", "")).split())


@pytest.mark.parametrize("paragraph", ["word " * 30_000, "A sentence. " * 12_000, "x" * 100_000, "a." * 40_000])
def test_a_very_long_paragraph_loses_nothing(paragraph: str) -> None:
    words = [word for sentence in plain.sentences(paragraph) for word in sentence]
    assert "".join(words) == "".join(paragraph.split())


def test_long_paragraphs_are_cut_at_the_ends_of_sentences() -> None:
    assert plain.sentences("It is a sentence. " * 9_000) == [["It", "is", "a", "sentence", "."]] * 9_000


def test_threads_share_a_pipeline() -> None:
    found: list[list[list[str]]] = []
    threads = [
        threading.Thread(target=lambda: found.append(plain.document("One two. Three.\n" * 200))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [plain.document("One two. Three.\n" * 200)] * 4


@every_pipeline
@given(text=running)
@settings(max_examples=60, deadline=None)
def test_an_utterance_is_one_sentence_of_the_same_words(name: PipelineName, text: str) -> None:
    split = pipeline(name).sentences(" ".join(text.split()))
    assert pipeline(name).words(text) == [word for sentence in split for word in sentence]


def test_an_utterance_of_nothing_has_no_words() -> None:
    assert [pipeline(name).words(" \n") for name in get_args(PipelineName)] == [[], [], []]


def test_an_unknown_pipeline_is_refused() -> None:
    with pytest.raises(InvalidInput, match="plain, wikitext, asr"):
        pipeline("fancy")  # type: ignore[arg-type]


class ByParsing(AsrPipeline):
    """asr without its short cut."""

    _parsed = PlainPipeline._parsed


@given(
    st.one_of(
        running, texts, st.lists(st.sampled_from(["uh", "don't", "(it)", '"', "a-b", "é", "<unk>"])).map(" ".join)
    )
)
def test_what_has_no_full_stop_is_split_as_spacy_would(text: str) -> None:
    unended = text.translate(dict.fromkeys(map(ord, ".?!")))
    assert asr.document(unended) == ByParsing().document(unended)
