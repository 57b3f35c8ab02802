"""A bundle without a server, and what decoders ask of it."""

import math
import subprocess
import sys
from io import UnsupportedOperation

import numpy as np
import pytest

from hindcast.errors import InvalidInput
from hindcast.lm.bundle import pack
from hindcast.lm.evaluation import score
from hindcast.text.pipeline import END
from hindcast_client.decoders import BeamSearchScorer, KenLmScorer, PyctcdecodeScorer
from hindcast_scorer.language_model import LanguageModel

SENTENCE = "the rain fell typhoon closed"


@pytest.fixture
def bundle(make_bundle):
    return make_bundle(pipeline="asr")


@pytest.fixture
def model(bundle):
    return LanguageModel(bundle)


def slow_way(bundle, words, history="sentence") -> np.ndarray:
    return score(bundle.model, [bundle.vocabulary.encode(words)], history=history)[0].log_probs_N


def test_a_folder_and_a_file_are_opened(bundle, tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    bundle.save(folder)
    pack(folder, tmp_path / "model.zip")
    expected = slow_way(bundle, [*SENTENCE.split(), END]).sum()
    for path in (folder, str(tmp_path / "model.zip")):
        assert LanguageModel.open(path).score(SENTENCE) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(FileNotFoundError, match="no bundle"):
        LanguageModel.open(tmp_path / "elsewhere")
    (tmp_path / "text.zip").write_text("rain")
    with pytest.raises(InvalidInput, match="not a model bundle"):
        LanguageModel.open(tmp_path / "text.zip")


def test_sentences_score_what_the_exact_way_gives(model, bundle):
    words = SENTENCE.split()
    expected = slow_way(bundle, [*words, END])
    assert model.score(SENTENCE) == pytest.approx(expected.sum(), abs=1e-5)
    assert model.score(SENTENCE, eos=False) == pytest.approx(expected[:-1].sum(), abs=1e-5)
    assert model.score(SENTENCE, log10=True) == pytest.approx(expected.sum() / math.log(10), abs=1e-5)
    assert model.perplexity(SENTENCE) == pytest.approx(math.exp(-expected.mean()), rel=1e-5)
    logprobs, lengths, unknown = zip(*model.full_scores("The RAIN, fell: typhoon closed!"), strict=True)
    assert logprobs == pytest.approx(expected.tolist(), abs=1e-5)
    assert lengths == (2, 3, 4, 5, 6, 7)
    assert unknown == (False, False, False, True, False, False)


def test_without_a_beginning_the_biases_alone_predict(model, bundle):
    bias_V = bundle.model.output.bias.double()
    expected = (bias_V - bias_V.logsumexp(0))[bundle.vocabulary.id("rain")]
    (first, length, _), *_ = model.full_scores("rain fell", bos=False)
    assert (first, length) == (pytest.approx(float(expected), abs=1e-5), 1)


def test_states_branch_and_stay_what_they_are(model, bundle):
    start = model.begin_state()
    rain, first = model.score_word(start, "rain")
    fell, second = model.score_word(rain, "fell")
    assert [first, second] == pytest.approx(slow_way(bundle, ["rain", "fell"]).tolist(), abs=1e-5)
    assert model.score_word(rain, "CLOSED")[1] == pytest.approx(slow_way(bundle, ["rain", "closed"])[1], abs=1e-5)
    assert model.score_word(rain, "fell")[1] == second
    again, _ = model.score_word(fell, END)
    assert model.score_word(again, "rain")[1] == first
    deep = start
    for _ in range(3000):
        deep = deep.after(5)
    assert deep.log_prob(5) < 0


def test_a_document_is_remembered_past_its_sentences(make_bundle):
    bundle = make_bundle(pipeline="asr", history="document")
    model = LanguageModel(bundle)
    words = ["rain", END, "the", "rain"]
    state, logprobs = model.begin_state(), []
    for word in words:
        state, logprob = model.score_word(state, word)
        logprobs.append(logprob)
    assert logprobs == pytest.approx(slow_way(bundle, words, "document").tolist(), abs=1e-5)
    opened = model.begin_state("Rain. The")
    assert model.score_word(opened, "rain")[1] == pytest.approx(logprobs[-1], abs=1e-6)


def test_kenlms_calls(model, bundle):
    kenlm = KenLmScorer(model)
    with pytest.raises(UnsupportedOperation):
        kenlm.score("rain", bos=False, eos=True)
    log10 = slow_way(bundle, [*SENTENCE.split(), END]) / math.log(10)
    assert kenlm.score(SENTENCE) == pytest.approx(log10.sum(), abs=1e-5)
    assert kenlm.score(SENTENCE, eos=False) == pytest.approx(log10[:-1].sum(), abs=1e-5)
    assert [unknown for _, _, unknown in kenlm.full_scores(SENTENCE)] == [False, False, False, True, False, False]
    assert kenlm.perplexity(SENTENCE) == pytest.approx(10 ** -(log10.sum() / 6), rel=1e-5)


def test_a_beam_search_asks_start_score_finish(model, bundle):
    search = BeamSearchScorer(model, unknown_penalty=-3.0)
    state, first = search.score(search.start(), "rain")
    _, unknown = search.score(state, "typhoon")
    expected = slow_way(bundle, ["rain", END])
    assert [first, search.finish(state)] == pytest.approx(expected.tolist(), abs=1e-5)
    assert unknown == pytest.approx(slow_way(bundle, ["rain", "<unk>"])[1] - 3, abs=1e-5)


def test_pyctcdecodes_interface(model, bundle):
    decoding = PyctcdecodeScorer(model, alpha=0.5, beta=1.5, unk_score_offset=-10.0)
    assert decoding.order == 5
    start = decoding.get_start_state()
    rain, end = slow_way(bundle, ["rain", END])
    assert decoding.score(start, "rain")[0] == pytest.approx(0.5 * rain + 1.5, abs=1e-5)
    last, state = decoding.score(start, "rain", is_last_word=True)
    assert last == pytest.approx(0.5 * (rain + end) + 1.5, abs=1e-5)
    assert decoding.score(state, "fell")[0] == pytest.approx(
        0.5 * slow_way(bundle, ["rain", "fell"])[1] + 1.5, abs=1e-5
    )
    unknown = slow_way(bundle, ["<unk>"])[0]
    expected = 0.5 * (unknown - 10 * math.log(10)) + 1.5
    assert decoding.score(start, "typhoon")[0] == pytest.approx(expected, abs=1e-5)
    assert decoding.score(state, "", is_last_word=True) == (pytest.approx(0.5 * end, abs=1e-5), state)
    assert [decoding.score_partial_token(part) for part in ("hurri", "typh", "zeppelinsfly")] == [0.0, -10.0, -20.0]
    decoding.reset_params(alpha=1.0, beta=0.0, score_boundary=False)
    assert decoding.score(start, "rain", is_last_word=True)[0] == pytest.approx(rain, abs=1e-5)
    with pytest.raises(TypeError):
        decoding.reset_params(gamma=1.0)


def test_pyctcdecode_decodes_with_it(model):
    pyctcdecode = pytest.importorskip("pyctcdecode")
    letters = ["", " ", *"abcdefghijklmnopqrstuvwxyz"]
    heard = "rain fell"
    logits = np.full((2 * len(heard), len(letters)), -9.0)
    for place, letter in enumerate(heard):
        logits[2 * place, letters.index(letter)] = 0.0
        logits[2 * place + 1, 0] = 0.0
    logits[0, letters.index("s")] = 0.5  # sain, were it not for the language model
    decoder = pyctcdecode.BeamSearchDecoderCTC(pyctcdecode.Alphabet(letters, False), PyctcdecodeScorer(model))
    assert decoder.decode(logits, token_min_logp=-12.0) == heard


def test_words_in_another_case_are_known_where_the_pipeline_makes_them_so(model):
    start = model.begin_state()
    search = BeamSearchScorer(model, unknown_penalty=-5)
    assert search.score(start, "RAIN")[1] == search.score(start, "rain")[1]
    assert search.score(start, "TYPHOON")[1] == model.score_word(start, "typhoon")[1] - 5
    kenlm = KenLmScorer(model)
    assert [unknown for _, _, unknown in kenlm.full_scores("The TYPHOON", eos=False)] == [False, True]
    assert "Rain" in kenlm
    assert "<unk>" not in kenlm
    ctc = PyctcdecodeScorer(model)
    assert ctc.score(start, "RAIN")[0] == ctc.score(start, "rain")[0]
    assert ctc.score_partial_token("RA") == ctc.score_partial_token("ra") == 0
    assert ctc.score_partial_token("QQ") < 0


def test_the_client_needs_no_torch():
    code = "import hindcast_client, sys; print(*sys.modules)"
    modules = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "hindcast_client.stream" in modules
    assert {"torch", "numpy", "hindcast"}.isdisjoint(modules)
