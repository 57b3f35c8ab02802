"""`ngram -ppl -debug 2`, against arithmetic by hand and read back as SRILM's own tools read it."""

import math
import re

import numpy as np
import pytest

from hindcast_scorer.scoring import TextScores
from hindcast_scorer.srilm_text import MEDIA_TYPE, srilm_text

ACCEPT = {"Accept": MEDIA_TYPE}


def text(tokens: list[str], ids: list[int], probabilities: list[float]) -> TextScores:
    return TextScores(tokens, np.array(ids), np.log(probabilities), None)


def test_it_is_the_text_that_was_worked_out_by_hand():
    scored = text(["rain", "zeppelin", "</s>", "rain", "</s>"], [2, 0, 1, 2, 1], [0.01, 0.5, 0.1, 0.001, 0.0001])
    # Sums -3, -7 and -10; ppl 10^(3/2), 10^(7/2), 10^(10/4); ppl1 10^(3/1), 10^(7/1), 10^(10/2).
    assert srilm_text([scored], history="sentence") == (
        "rain zeppelin\n"
        "\tp( rain | <s> ) \t= [2gram] 0.01 [ -2 ]\n"
        "\tp( <unk> | rain ...) \t= [OOV] 0 [ -inf ]\n"
        "\tp( </s> | <unk> ...) \t= [4gram] 0.1 [ -1 ]\n"
        "1 sentences, 2 words, 1 OOVs\n"
        "0 zeroprobs, logprob= -3 ppl= 31.6228 ppl1= 1000\n"
        "\n"
        "rain\n"
        "\tp( rain | <s> ) \t= [2gram] 0.001 [ -3 ]\n"
        "\tp( </s> | rain ...) \t= [3gram] 0.0001 [ -4 ]\n"
        "1 sentences, 1 words, 0 OOVs\n"
        "0 zeroprobs, logprob= -7 ppl= 3162.28 ppl1= 1e+07\n"
        "\n"
        "file texts: 2 sentences, 3 words, 1 OOVs\n"
        "0 zeroprobs, logprob= -10 ppl= 316.228 ppl1= 100000\n"
    )


def test_small_numbers_are_written_as_c_writes_them():
    scored = text(["rain", "</s>"], [2, 1], [1.234567891e-7, 1.0])
    lines = srilm_text([scored], history="sentence").splitlines()
    assert lines[1:3] == [
        "\tp( rain | <s> ) \t= [2gram] 1.23457e-07 [ -6.90849 ]",
        "\tp( </s> | rain ...) \t= [3gram] 1 [ 0 ]",
    ]


def test_where_nothing_is_left_to_divide_by_it_is_undefined():
    scored = text(["zeppelin", "</s>", "</s>"], [0, 1, 1], [0.5, 0.1, 0.1])
    lines = srilm_text([scored], history="document").splitlines()
    assert [line for line in lines if "ppl1= undefined" in line] == [
        "0 zeroprobs, logprob= -1 ppl= 10 ppl1= undefined",
        "0 zeroprobs, logprob= -1 ppl= 10 ppl1= undefined",
        "0 zeroprobs, logprob= -2 ppl= 10 ppl1= undefined",
    ]
    assert "\tp( </s> | <s> ) \t= [4gram] 0.1 [ -1 ]" in lines  # the history goes on
    assert lines[-2] == "file texts: 2 sentences, 1 words, 1 OOVs"


def samples(written: str) -> list[tuple[str, float]]:
    """Words and log10 as compute-best-mix takes them: columns 2 and 10 of what awk splits at blanks, once the context
    is one word."""
    found = []
    for line in written.splitlines():
        if line.split()[:1] == ["p("]:
            columns = re.sub(r"[|] [^)]*\)", "| X )", line, count=1).split()
            found.append((columns[1], -320.0 if re.search(r"\[ -[Ii]nf", line) else float(columns[9])))
    return found


def file_totals(written: str) -> list[float]:
    """Sentences, words, OOVs, zeroprobs and logprob as add-ppls takes them: by column, from the file's two lines."""
    lines = written.splitlines()
    place = next(number for number, line in enumerate(lines) if re.match(r"file .*: .* sentences", line))
    first, second = lines[place].split(), lines[place + 1].split()
    return [float(value) for value in (first[2], first[4], first[6], second[0], second[3])]


@pytest.mark.parametrize("history", ["sentence", "document"])
@pytest.mark.parametrize("pipeline", ["plain", "asr", "wikitext"])
def test_srilms_tools_read_what_json_tells(scorer, make_bundle, pipeline, history):
    scorer.add(make_bundle(pipeline=pipeline))
    body = {"texts": ["The rain fell. Schools closed for zeppelins!", "Rain"], "history": history}
    answer = scorer.http.post("/v1/models/lm_1/perplexity", json=body, headers=ACCEPT)
    assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPE
    told = scorer.ask("/v1/models/lm_1/perplexity", **body, detail="token")
    tokens = [token for text in told["texts"] for token in text["tokens"]]
    read = samples(answer.text)
    assert [word for word, _ in read] == ["<unk>" if token["oov"] else token["token"] for token in tokens]
    expected = [-320.0 if token["oov"] else token["logprob"] / math.log(10) for token in tokens]
    assert [log10 for _, log10 in read] == pytest.approx(expected, rel=1e-5)
    known = sum(token["logprob"] for token in tokens if not token["oov"]) / math.log(10)
    counts = [told["sentences"], told["words"], told["oov"], 0]
    assert file_totals(answer.text) == pytest.approx([*counts, known], rel=1e-5)
    last = answer.text.splitlines()[-1]
    assert f"ppl= {told['perplexity_excluding_oov']:g} ppl1= {told['perplexity_without_eos']:g}" in last


def test_a_corpus_is_not_told_so_and_other_forms_are_refused(scorer, make_bundle):
    scorer.add(make_bundle())
    path = "/v1/models/lm_1/perplexity"
    answer = scorer.http.post(path, json={"corpus": "cor_1"}, headers=ACCEPT)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "corpus")
    assert scorer.http.post(path, json={"texts": ["rain"]}, headers={"Accept": "image/png"}).status_code == 406
