import io
import zipfile
from dataclasses import replace

import pytest

from hindcast.jobs.job import Job, JobStatus
from hindcast.testing import now

CARD = {
    "spec": {"kind": "language_model"},
    "data": {"train": {"tokens": 100}},
    "metrics": {"valid_perplexity": 120.5, "test_perplexity": 118.25},
    "lineage": {"table": "tab_1"},
    "table": {"found": 10, "lacking": 2},
    "warnings": ["The text is small."],
}


def test_the_card_tells_what_the_model_is(scorer, make_bundle):
    bundle = make_bundle(pipeline="asr", history="document", card=CARD)
    model = scorer.add(bundle, name="small")
    card = scorer.http.get("/v1/models/small").json()
    assert {key: card[key] for key in CARD} == CARD
    assert (card["id"], card["name"], card["job"], card["size_bytes"]) == ("lm_1", "small", "job_1", model.size_bytes)
    assert (card["pipeline"], card["history"]) == ("asr", "document")
    assert card["vocabulary"] == {"size": 14, "sha256": bundle.vocabulary.sha256}
    assert card["parameters"] == 14 * 6 + 4 * 8 * (6 + 8 + 2) + 14 * 9
    assert card["created_at"].endswith("Z")
    assert card == scorer.http.get("/v1/models/lm_1").json()


def test_models_are_listed_newest_first_and_by_name(scorer, make_bundle):
    for number in range(3):
        scorer.add(make_bundle(), id=f"lm_{number}", name=f"m{number}")
    page = scorer.http.get("/v1/models", params={"limit": 2}).json()
    assert [model["id"] for model in page["items"]] == ["lm_2", "lm_1"]
    rest = scorer.http.get("/v1/models", params={"cursor": page["next_cursor"]}).json()
    assert ([model["id"] for model in rest["items"]], rest["next_cursor"]) == (["lm_0"], None)
    assert [m["id"] for m in scorer.http.get("/v1/models", params={"name": "m1"}).json()["items"]] == ["lm_1"]
    assert scorer.http.get("/v1/models", params={"pipe": "x"}).status_code == 422


@pytest.mark.parametrize(
    ("question", "body", "field"),
    [
        ("models/lm_1/next", {"context": "", "k": "3"}, "k"),
        ("models/lm_1/next", {"context": "", "k": True}, "k"),
        ("models/lm_1/next", {"context": 7}, "context"),
        ("models/lm_1/next", {"context": "", "complete": "true"}, "complete"),
        ("models/lm_1/rank", {"context": "", "words": [1]}, "words.0"),
        ("models/lm_1/rank", {"context": "", "words": "rain"}, "words"),
        ("models/lm_1/perplexity", {"texts": [1]}, "texts.0"),
        ("models/lm_1/perplexity", {"corpus": {"corpus": "c", "limit_tokens": "5"}}, "corpus.limit_tokens"),
        ("rank", {"context": "", "words": ["rain"], "models": [1]}, "models.0"),
    ],
)
def test_json_types_are_what_they_are(scorer, question, body, field):
    assert scorer.refused(f"/v1/{question}", **body) == (422, [field])


def test_models_are_listed_by_pipeline(scorer, make_bundle):
    scorer.add(make_bundle(), id="lm_1")
    scorer.add(make_bundle(pipeline="asr"), id="lm_2")
    assert [m["id"] for m in scorer.http.get("/v1/models?pipeline=asr").json()["items"]] == ["lm_2"]
    assert scorer.http.get("/v1/models?pipeline=wikitext").json()["items"] == []
    answer = scorer.http.get("/v1/models?pipeline=odd")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "pipeline")


def test_a_model_that_is_still_made_is_neither_listed_nor_found(scorer, make_bundle):
    model = scorer.add(make_bundle())
    with scorer.database.transaction() as transaction:
        transaction.resources.add(replace(model, id="lm_2", artifact=None))
    assert [found["id"] for found in scorer.http.get("/v1/models").json()["items"]] == ["lm_1"]
    answer = scorer.http.get("/v1/models/lm_2")
    assert (answer.status_code, "job_1" in answer.json()["detail"]) == (404, True)


def test_a_deleted_model_is_gone_and_its_files_are_discarded(scorer, make_bundle):
    model = scorer.add(make_bundle(), name="small")
    scorer.ask("/v1/models/small/next", context="")
    assert scorer.http.delete("/v1/models/small").status_code == 204
    for path in ("/v1/models/small", "/v1/models/lm_1", "/v1/models/lm_1/bundle"):
        assert scorer.http.get(path).status_code == 404
    assert scorer.refused("/v1/models/lm_1/next", context="") == (404, [])
    assert scorer.http.delete("/v1/models/small").status_code == 404
    with scorer.database.transaction() as transaction:
        assert transaction.discards.list() == [model.artifact]


def test_a_model_that_a_job_needs_stays(scorer, make_bundle):
    scorer.add(make_bundle())
    with scorer.database.transaction() as transaction:
        job = Job("job_2", "probe", None, JobStatus.QUEUED, {}, "digest", (), ("lm_1",), None, None, now())
        transaction.jobs.add(job)
    answer = scorer.http.delete("/v1/models/lm_1")
    assert (answer.status_code, "job_2" in answer.json()["detail"]) == (409, True)
    scorer.ask("/v1/models/lm_1/next", context="")


def test_what_another_process_deleted_is_let_go_within_seconds(scorer, make_bundle):
    scorer.add(make_bundle())
    scorer.ask("/v1/models/lm_1/next", context="")
    with scorer.database.transaction() as transaction:
        transaction.resources.delete("lm_1")
    scorer.time += 5
    assert scorer.refused("/v1/models/lm_1/next", context="") == (404, [])


def test_loaded_models_are_served_while_the_database_is_away(scorer, make_bundle):
    scorer.add(make_bundle())
    scorer.add(make_bundle(), id="lm_2")
    before = scorer.ask("/v1/models/lm_1/next", context="The")

    scorer.database.away = True
    scorer.time += 1000
    assert scorer.ask("/v1/models/lm_1/next", context="The") == before
    answer = scorer.http.post("/v1/models/lm_2/next", json={"context": "The"})
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert scorer.http.get("/v1/models").status_code == 503
    scorer.database.away = False
    scorer.ask("/v1/models/lm_2/next", context="The")


def test_models_larger_than_the_memory_are_served_one_at_a_time(cramped_scorer, make_bundle):
    for number in (1, 2):
        cramped_scorer.add(make_bundle(seed=number), id=f"lm_{number}")
    first, second, again = (cramped_scorer.ask(f"/v1/models/lm_{n}/next", context="The") for n in (1, 2, 1))
    assert first == again != second
    assert cramped_scorer.models._shelf.ids == ["lm_1"]


def test_a_damaged_model_is_a_clear_problem_until_it_is_mended(scorer, make_bundle):
    model = scorer.add(make_bundle())
    weights = scorer.artifacts.fetch(model.artifact) / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    answer = scorer.http.post("/v1/models/lm_1/next", json={"context": ""})
    assert answer.status_code == 500
    assert "lm_1" in answer.json()["detail"]
    assert "weights.safetensors" in answer.json()["detail"]
    weights.write_bytes(whole)
    scorer.ask("/v1/models/lm_1/next", context="")


@pytest.fixture
def packed(scorer, make_bundle):
    """One model as one file."""
    scorer.add(make_bundle(card=CARD, history="document"), name="small")
    answer = scorer.http.get("/v1/models/small/bundle")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == 'attachment; filename="small.zip"'
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


def test_a_model_travels_as_one_file(scorer, packed):
    answer = scorer.http.post("/v1/models", params={"name": "copy"}, content=packed)
    assert answer.status_code == 201
    card = answer.json()
    assert answer.headers["location"] == f"/v1/models/{card['id']}"
    assert (card["name"], card["job"], card["metrics"]) == ("copy", None, CARD["metrics"])
    assert card == scorer.http.get("/v1/models/copy").json()
    asked = {"context": "The rain fell. Schools", "k": 14}
    assert scorer.ask("/v1/models/copy/next", **asked) == scorer.ask("/v1/models/small/next", **asked)
    assert scorer.http.get("/v1/models/copy/bundle").content == packed
    assert [*(scorer.folder / "scratch").iterdir()] == []


def stored_models(scorer):
    return [model["id"] for model in scorer.http.get("/v1/models").json()["items"]]


def assert_nothing_was_made(scorer):
    assert stored_models(scorer) == ["lm_1"]
    assert [*(scorer.folder / "artifacts").glob("models/*/*")] == []
    assert [*(scorer.folder / "scratch").iterdir()] == []


@pytest.mark.parametrize("name", ["bundle.json", "vocabulary.json", "weights.safetensors"])
def test_a_flipped_byte_is_refused_by_the_name_of_its_file(scorer, packed, name):
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        content = archive.read(name)
    place = packed.index(content) + len(content) // 2
    broken = packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :]
    answer = scorer.http.post("/v1/models", content=broken)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["body"]
    assert name in answer.json()["detail"]
    assert_nothing_was_made(scorer)


@pytest.mark.parametrize("kept", [0.0, 0.2, 0.5, 0.999])
def test_a_file_that_is_cut_short_is_refused(scorer, packed, kept):
    answer = scorer.http.post("/v1/models", content=packed[: int(kept * len(packed))])
    assert answer.status_code == 422
    assert_nothing_was_made(scorer)


def repacked(packed, **changed):
    """The bundle with other files in it, by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(buffer, "w") as target:
        for entry in source.infolist():
            target.writestr(entry.filename, changed.pop(entry.filename, source.read(entry)))
        for name, content in changed.items():
            target.writestr(name, content)
    return buffer.getvalue()


def test_an_archive_that_reaches_outside_is_refused(scorer, packed):
    answer = scorer.http.post("/v1/models", content=repacked(packed, **{"../../escaped": b"x"}))
    assert answer.status_code == 422
    assert not [*scorer.folder.rglob("escaped")]
    assert_nothing_was_made(scorer)


def test_an_archive_that_swells_is_refused(scorer):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("bundle.json", "vocabulary.json", "weights.safetensors", "SHA256SUMS"):
            archive.writestr(name, b"0" * 10_000_000)
    (scorer.folder / "scratch").mkdir()
    answer = scorer.http.post("/v1/models", content=buffer.getvalue())
    assert (answer.status_code, "stored, not compressed" in answer.json()["detail"]) == (422, True)


def test_a_card_of_another_shape_is_refused(scorer, make_bundle, packed):
    bundle = make_bundle(card={"metrics": "excellent"})
    strange = scorer.add(bundle, id="lm_2")
    content = scorer.models.pack(strange, scorer.folder).read_bytes()
    answer = scorer.http.post("/v1/models", content=content)
    assert answer.status_code == 422
    assert "bundle.json: card.metrics: must be an object" in answer.json()["detail"]


def test_a_name_that_is_taken_is_refused(scorer, packed):
    answer = scorer.http.post("/v1/models", params={"name": "small"}, content=packed)
    assert (answer.status_code, "lm_1" in answer.json()["detail"]) == (409, True)
    assert_nothing_was_made(scorer)
    assert scorer.http.post("/v1/models", params={"name": "a/b"}, content=packed).status_code == 422
