"""Every resource of the client, against all of Hindcast: with either kind of client."""

import json
import subprocess
import sys
import time
from io import BytesIO

import numpy as np
import pytest

from hindcast_client import Gone, Hindcast, Invalid, JobFailed, NotFound, NotInstalled

LEARNED = {"type": "learned", "size": 8}
LANGUAGE_MODEL = {
    **{"train": {"corpus": "storms", "split": "train"}, "valid": {"corpus": "storms", "split": "valid"}},
    **{"vocabulary": {"min_count": 1}, "hidden_size": 8, "optimizer": {"epochs": 1, "batch_size": 4}},
}
LISTS = [
    {
        "utterance": "1",
        "reference": "the storm hit the coast",
        "hypotheses": [
            {"text": "the storm hit the cost", "am_score": -9.0},
            {"text": "the storm hit the coast", "am_score": -9.2},
        ],
    }
]


def documents():
    for number in range(60):
        place, what = ("coast", "city", "river")[number % 3], ("storm", "rain", "flood")[number % 3]
        text = f"The {what} hit the {place} at {number} .\nSchools closed and the {what} went on ."
        yield {"id": number, "text": text, "domain": "weather"}


@pytest.fixture(scope="module")
def made(hindcast):
    """A corpus `storms`, a table `vectors` and a model `small`."""
    with Hindcast(hindcast.url) as client:
        corpus = client.corpora.create(documents(), name="storms", splits=(80, 10, 10), compress=True)
        sizes = {"vocabulary": {"min_count": 1}, "size": 8, "epochs": 1}
        table = client.jobs.create(kind="word2vec", name="vectors", corpus=corpus, **sizes)
        model = client.jobs.create(LANGUAGE_MODEL, kind="language_model", name="small", input=LEARNED)
        seen = []
        assert table.wait(timeout=200, on_progress=seen.append).result.type == "table"
        assert seen[-1].fraction == 1
        model.wait(timeout=200)
        assert corpus.wait(timeout=60).splits["train"].documents + 12 > 50


@pytest.fixture
def client(hindcast, made, client_of):
    return client_of(hindcast.url)


def test_the_origin_is_well(client):
    assert client.health().services.keys() == {"trainer", "embedder", "scorer"}


def test_corpora(client):
    corpus = client.corpora.get("storms")
    assert (corpus.documents, corpus.domains, corpus.pipeline) == (60, {"weather": 60}, "plain")
    assert "storms" in [each.name for each in client.corpora.list(status="ready", pipeline="plain")]
    assert client.corpora.wait("storms").id == corpus.refresh().id == corpus.wait(timeout=0).id
    other = client.corpora.create(["One storm.", "", "Another."], name="passing", pipeline="asr")
    seen = []
    assert other.wait(timeout=100, on_progress=seen.append).documents == 2
    other.delete()
    with pytest.raises(NotFound):
        client.corpora.get(other)


def test_a_corpus_that_is_not_to_be(client):
    # Of a text that takes a moment to be read: it can't be ready too soon.
    corpus = client.corpora.create(b"A storm hit the coast of the gulf .\n" * 500_000, name="stopped")
    client.jobs.cancel(corpus.job)
    with pytest.raises(JobFailed, match="stopped") as failed:
        corpus.wait(timeout=100)
    assert failed.value.ended.status == "failed"
    client.corpora.delete(corpus)


def test_jobs(client):
    job = client.jobs.get("small")
    assert (job.status, job.result.type) == ("succeeded", "model")
    assert job.metrics["valid_perplexity"] > 1
    assert "valid_perplexity" in [series.name for series in client.jobs.metrics(job, points=10).series]
    events = list(job.events())
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert {"status", "progress", "metric"} <= {event.type for event in events}
    assert [each.name for each in client.jobs.list(kind="word2vec", status="succeeded", name="vectors")] == ["vectors"]
    with pytest.raises(Invalid) as wrong:
        client.jobs.create(kind="word2vec", corpus="storms", size=-1)
    assert wrong.value.errors[0].field == "size"


def test_domains(client):
    job = client.jobs.create(kind="domains", corpus="storms", k=2, initial_clusters=2, lsa_size=2, rounds=1)
    found = client.domains.get(job.wait(timeout=200).result)
    assert (found.k, len(found.clusters)) == (2, 2)
    assert found.id in [each.id for each in client.domains.list()]
    examples = list(client.domains.examples(found, found.clusters[0].id))
    assert len(examples) == found.clusters[0].paragraphs
    client.domains.delete(found)
    with pytest.raises(NotFound):
        client.domains.get(found)


def test_tables(client, tmp_path):
    card = client.tables.get("vectors")
    assert card.id in [table.id for table in client.tables.list(kind="word2vec")]
    vectors = client.tables.vectors("vectors", ["storm", "zebra", "rain"])
    assert (vectors.matrix.dtype, vectors.matrix.shape) == (np.float32, (3, 8))
    assert vectors.found.tolist() == [True, False, True]
    assert np.array_equal(vectors["rain"], vectors.matrix[2])
    with pytest.raises(KeyError):
        vectors["zebra"]
    unit = client.tables.vectors("vectors", "storm", normalization="unit")
    assert np.linalg.norm(unit.matrix) == pytest.approx(1, abs=1e-6)
    nearest = client.tables.neighbors("vectors", vector=vectors["storm"], k=1).neighbors[0]
    assert (nearest.word, nearest.similarity) == ("storm", pytest.approx(1, abs=1e-6))
    by_word = client.tables.neighbors("vectors", "storm", k=3)
    assert by_word == client.tables.neighbors("vectors", ["storm"], k=3)
    analogy = client.tables.analogy("vectors", positive=["storm", "city"], negative="coast", k=2)
    assert len(analogy.neighbors) == 2
    pairs = client.tables.similarity("vectors", [("storm", "storm"), ("storm", "zebra")]).similarities
    assert [pair.similarity for pair in pairs] == [pytest.approx(1, abs=1e-6), None]
    assert client.tables.projection("vectors", ["rain", "storm"]).points[0].word == "rain"
    assert len(client.tables.projection("vectors", limit=4).points) == 4
    own = [("storm", "rain", 9.0), ("storm", "city", 2.0), ("rain", "river", 4.0)]
    assert client.tables.evaluate("vectors", pairs=own).found == 3
    assert client.tables.coverage("vectors", words={"storm": 3, "zebra": 1}).token_coverage == 0.75
    assert client.tables.coverage("vectors", vocabulary_of="small").missing == ["<unk>"]
    assert client.tables.coverage("vectors", corpus=client.corpora.get("storms")).token_coverage == 1
    client.tables.export("vectors", tmp_path / "vectors.txt", format="word2vec-text")
    copy = client.tables.import_(tmp_path / "vectors.txt", format="word2vec-text", compress=True)
    assert (copy.words, copy.size, copy.name) == (card.words, 8, None)
    assert np.allclose(client.tables.vectors(copy, "storm").matrix, vectors.matrix[:1], atol=1e-5)
    client.tables.delete(copy)


def test_models(client, tmp_path):
    model = client.models.get("small")
    assert (model.vocabulary.size, model.pipeline) == (client.models.next(model, "The").vocabulary_size, "plain")
    assert model.id in [each.id for each in client.models.list()]
    rank = client.models.rank("small", "The storm hit the", ["coast", "zebra"])
    assert [each.in_vocabulary for each in rank.ranks] == [True, False]
    first = client.models.next("small", "The storm hit the", k=1).predictions[0]
    assert client.models.rank("small", "The storm hit the", first.word).ranks[0].rank == 1
    many = client.rank(["small", model], "The storm hit the", "coast")
    assert [each.ranks[0].rank for each in many.models] == [rank.ranks[0].rank] * 2
    one = client.models.perplexity("small", "The storm hit the coast .", detail="token", top=2)
    assert [len(token.top) for token in one.texts[0].tokens] == [2] * one.tokens
    assert one.texts[0].tokens[-1].token == "</s>"
    assert client.models.perplexity("small", corpus={"corpus": "storms", "split": "test"}).tokens > one.tokens
    client.models.bundle("small", tmp_path / "small.zip")
    packed = BytesIO()
    client.models.bundle("small", packed)
    assert len(packed.getvalue()) == (tmp_path / "small.zip").stat().st_size
    copy = client.models.import_(tmp_path / "small.zip")
    assert client.models.perplexity(copy, "The storm hit the coast .").perplexity == one.perplexity
    client.models.delete(copy)


def test_rescoring(client):
    scored = client.models.rescore("small", LISTS, lm_weight=0.5).lists[0]
    assert {scored.hypotheses[place].rank_after for place in (0, 1)} == {1, 2}
    answered = BytesIO()
    nbest = b"-9.0 -3.0 5 the storm hit the cost\n-9.2 -3.1 5 the storm hit the coast\n"
    warned = client.models.rescore_file("small", nbest, answered, format="srilm-plain", utterance="1", lm_weight=0.5)
    assert warned is None
    assert len(answered.getvalue().splitlines()) == 2
    tuned = client.models.tune("small", LISTS * 3, options={"lm_weight": 0.5}, restarts=1)
    assert tuned.development.wer_oracle == 0
    assert client.check(LISTS, model="small").lists == 1


def test_sessions(client):
    session = client.models.sessions.begin("small", context="The rain hit the city .")
    client.models.rescore("small", LISTS, session=session.id)
    assert client.models.sessions.commit("small", session, "schools closed").utterances == 2
    assert client.models.sessions.reset("small", session).utterances == 0
    client.models.sessions.end("small", session)
    with pytest.raises((Gone, NotFound)):
        client.models.sessions.get("small", session)


def test_experiments(client, request):
    pandas = pytest.importorskip("pandas")
    name = f"storms-{'async' if 'async' in request.node.name else 'sync'}"
    rows = [
        {"label": "NA", "input": LEARNED},
        {"label": "word2vec", "table": "vectors", "input": {"type": "table"}},
    ]
    lm = {**LANGUAGE_MODEL, "test": {"corpus": "storms", "split": "test"}}
    experiment = client.experiments.create({"lm": lm}, name=name, rows=rows)
    seen = []
    experiment = experiment.wait(timeout=250, on_progress=seen.append)
    assert seen[-1].fraction == 1
    frame = experiment.rows_frame()
    assert list(frame.index) == ["NA", "word2vec"]
    assert frame.perplexity["NA"] == pytest.approx(experiment.rows[0].perplexity.mean)
    assert pandas.isna(frame.change["NA"])
    assert client.experiments.markdown(name).startswith(f"# {name}")
    assert client.experiments.csv(experiment).startswith("row,status")
    assert name in [each.name for each in client.experiments.list(status="succeeded")]
    assert client.experiments.get(name).refresh().name == name
    experiment.delete()


def _until_stopped(client, experiment):
    give_up_at = time.monotonic() + 100
    while client.experiments.get(experiment).rows[0].status != "cancelled":
        assert time.monotonic() < give_up_at
        time.sleep(0.2)


def test_an_experiment_that_fails_says_which_row(client):
    lm = {**LANGUAGE_MODEL, "test": "storms", "input": LEARNED}
    experiment = client.experiments.create(lm={**lm, "optimizer": {"epochs": 900}}, rows=[{"label": "long"}])
    assert experiment.cancel().id == experiment.id
    with pytest.raises(JobFailed, match="was cancelled") as failed:
        client.experiments.wait(experiment, timeout=100)
    assert failed.value.ended.rows[0].label == "long"
    _until_stopped(client, experiment)  # the job that ran takes some seconds to end
    assert client.experiments.retry(experiment).status in ("queued", "running")
    client.experiments.cancel(experiment)
    with pytest.raises(JobFailed):
        experiment.wait(timeout=100)
    client.experiments.delete(experiment)


def test_ngrams(client):
    unigrams = "\\1-grams:\n-1\t<unk>\n-99\t<s>\t0\n-0.5\t</s>\n\n"
    arpa = f"\\data\\\nngram 1=3\nngram 2=1\n\n{unigrams}\\2-grams:\n-0.1\t<s> </s>\n\n\\end\\\n".encode()
    try:
        card = client.ngrams.import_(arpa)
    except NotInstalled:
        assert list(client.ngrams.list()) == []
        return
    assert client.ngrams.get(card).order == 2
    assert card.id in [each.id for each in client.ngrams.list()]
    client.ngrams.delete(card)


def test_neither_torch_nor_a_service_is_needed():
    code = "import hindcast_client, json, sys; print(json.dumps(list(sys.modules)))"
    modules = set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout))
    assert "hindcast_client" in modules
    assert {"torch", "numpy", "pandas", "hindcast", "hindcast_trainer", "fastapi"}.isdisjoint(modules)
