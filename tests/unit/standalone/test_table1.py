"""How `make table1` runs, against a server in memory."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from table1_data import SMALL, expanded

from hindcast.errors import InvalidInput
from hindcast_standalone.__main__ import main
from hindcast_standalone.demonstrations import table1_requests as requests
from hindcast_standalone.demonstrations.table1 import Asked, Study
from hindcast_standalone.demonstrations.table1_texts import select
from hindcast_trainer.experiments.table1_rows import ROWS


class FakeServer:
    """Answers as the services do once every job has succeeded; remembers what was posted."""

    def __init__(self, *, existing: Mapping[str, Any] | None = None) -> None:
        self.console = Console(quiet=True)
        self.posted: list[tuple[str, Mapping[str, Any]]] = []
        self.uploaded: list[str] = []
        self.failing: Sequence[str] = ()
        """Settings whose language models fail, after an epoch."""
        self.better = "standardize"
        """A setting whose language models are better than others'."""
        self.known: dict[str, Any] = dict(existing or {})

    def find(self, path: str, name: str) -> Any | None:
        return self.known.get(name)

    def upload(self, body: bytes, **query: str) -> Any:
        self.uploaded.append(query["name"])
        return {}

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        self.posted.append((path, body))
        if path == "/v1/jobs":
            self.known[body["name"]] = {"id": "job_1", "status": "queued"}
        elif path == "/v1/experiments":
            self.known[body["name"]] = self._answer(body)
        elif path.endswith("/retry"):
            return self.known[path.split("/")[-2]]
        return self.known[body["name"]]

    def get(self, path: str) -> Any:
        id = path.rsplit("/", 1)[1]
        if id in self.known:
            return self.known[id]
        # In order of preference: the middle candidate is best on valid.
        better = f'"{self.better}"' in id or '"k"' in id
        status = "failed" if any(f'"{setting}"' in id for setting in self.failing) else "succeeded"
        perplexity = 150.0 if better else 160.0
        return {"kind": "language_model", "status": status, "metrics": {"valid_perplexity": perplexity}}

    def wait(self, jobs: Mapping[str, str]) -> None:
        assert jobs

    def _answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        rows = [
            {
                "label": row.label,
                "status": "succeeded",
                "error": None,
                "jobs": [f"job {json.dumps([body['inputs'].get(row.key), body['pretrain']])} {row.key}"],
                "pretraining": None,
                "perplexity": {"mean": 180.0, "std": None},
                "paper_perplexity": row.paper_perplexity,
                "relative_to_baseline": None if row.key == "baseline" else {"change": -0.05},
                "ranks": None,
            }
            for row in ROWS
            if row.key in body["rows"]
        ]
        more = {"baseline": "no pre-training", "prepared": [], "warnings": [], "seeds": body["seeds"]}
        return {"id": body["name"], "name": body["name"], "status": "succeeded", "rows": rows, **more}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    return FakeServer()


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the plot out, which takes longest."""
    monkeypatch.setattr("hindcast_standalone.demonstrations.table1.save", lambda *_: None)


unplotted = pytest.mark.usefixtures("undrawn")


def experiments(server: FakeServer) -> list[Mapping[str, Any]]:
    return [body for path, body in server.posted if path == "/v1/experiments"]


@unplotted
def test_what_tells_most_comes_first_and_the_other_seeds_last(server: FakeServer, tmp_path: Path) -> None:
    Study(server, tmp_path, "command").table(SMALL, requests.ROWS, seeds=3)  # type: ignore[arg-type]
    first, *others, one_seed, all_seeds = experiments(server)
    assert first["rows"] == ["baseline", "word2vec-superset"]
    assert {row for each in others for row in each["rows"]} == set(requests.ROWS) - set(first["rows"])
    assert [each["seeds"] for each in (one_seed, all_seeds)] == [[1], [1, 2, 3]]
    assert one_seed["rows"] == all_seeds["rows"] == list(requests.ROWS)
    for each in experiments(server):
        expanded({key: value for key, value in each.items() if key != "name"})


@unplotted
def test_the_table_is_beside_the_row_that_was_asked_for(server: FakeServer, tmp_path: Path) -> None:
    asked = Asked(data=tmp_path, rows=["word2vec-tied"], baseline="word2vec-superset")
    assert asked.chosen == ("word2vec-superset", "word2vec-tied")
    Study(server, tmp_path, "command").table(SMALL, asked.chosen, seeds=1, baseline=asked.baseline)  # type: ignore[arg-type]
    whole = expanded({key: value for key, value in experiments(server)[-1].items() if key != "name"})
    assert whole.baseline == "word2vec, LM superset"


def test_the_input_of_a_row_is_the_best_on_valid(server: FakeServer, tmp_path: Path) -> None:
    Study(server, tmp_path, "command").table(SMALL, ["baseline", "bilstm-lm"], seeds=1)  # type: ignore[arg-type]
    tried = [each["inputs"]["bilstm-lm"] for each in experiments(server) if each["rows"] == ["bilstm-lm"]]
    assert tried == list(requests.CANDIDATES["bilstm-lm"])
    whole = experiments(server)[-1]
    assert whole["inputs"] == {"bilstm-lm": {"normalization": "standardize", "compression": 128}}
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {f"table1.{ending}" for ending in ("md", "json", "csv", "png", "svg")}
    assert "standardize with compression 128, the best of 3 on valid" in (tmp_path / "table1.md").read_text()


@unplotted
@pytest.mark.parametrize(
    ("failing", "chosen", "told"),
    [
        (["standardize"], {"bilstm-lm": {"normalization": "mean_variance", "compression": 128}}, "the best of 2"),
        (["standardize", "mean_variance", "unit"], {}, "bilstm-lm: the preset's, for every try failed"),
    ],
)
def test_inputs_whose_models_failed_are_not_chosen(
    server: FakeServer, tmp_path: Path, failing: Sequence[str], chosen: Mapping[str, Any], told: str
) -> None:
    server.failing = failing
    Study(server, tmp_path, "command").table(SMALL, ["baseline", "bilstm-lm"], seeds=1)  # type: ignore[arg-type]
    assert experiments(server)[-1]["inputs"] == chosen
    written = (tmp_path / "table1.md").read_text()
    assert told in written
    assert ("the best of" in written) == bool(chosen)


@unplotted
@pytest.mark.parametrize(
    ("vocabulary", "told"),
    [({"size": 5_000}, "vocabulary of 5,000"), ({"min_count": 2}, "vocabulary of any size"), (None, "of 10,000")],
)
def test_the_vocabulary_that_was_asked_for_is_told(
    server: FakeServer, tmp_path: Path, vocabulary: Mapping[str, int] | None, told: str
) -> None:
    size = replace(SMALL, lm={"vocabulary": vocabulary} if vocabulary else {})
    assert requests.estimated_hours(size, ["baseline"], 1) > 0
    Study(server, tmp_path, "command").table(size, ["baseline"], seeds=1)  # type: ignore[arg-type]
    assert experiments(server)[-1]["lm"]["vocabulary"] == (vocabulary or {"size": 10_000})
    assert told in (tmp_path / "table1.md").read_text()


@unplotted
def test_what_was_found_before_is_not_searched_again(server: FakeServer, tmp_path: Path) -> None:
    settled = {
        "inputs": {"word2vec-and-domains": {"normalization": "unit", "compression": 64}},
        "pretrain": {"bilstm_domain": {"clip": 1.0}},
    }
    asked = Asked(tmp_path, settled=json.dumps(settled))
    Study(server, tmp_path, "command").table(SMALL, DOMAIN_ROWS, seeds=2, found=asked.found)  # type: ignore[arg-type]
    _, rest, one_seed, all_seeds = experiments(server)
    for each in (rest, one_seed, all_seeds):
        assert each["inputs"] == settled["inputs"]
        assert each["pretrain"]["bilstm_domain"] == {"epochs": 3, "clip": 1.0}
        expanded({key: value for key, value in each.items() if key != "name"})
    written = (tmp_path / "table1.md").read_text()
    assert "word2vec-and-domains: unit with compression 64, as found before" in written
    assert 'bilstm_domain: {"clip": 1.0}, as found before' in written


@pytest.mark.parametrize(
    "settled", ["[]", "{", '{"lm": {}}', '{"inputs": {"bilstm-lm": 3}}', '{"inputs": {"no-such-row": {}}}']
)
def test_settings_that_cannot_have_been_found_are_refused(tmp_path: Path, settled: str) -> None:
    with pytest.raises(InvalidInput, match="SETTLED"):
        _ = Asked(tmp_path, settled=settled).found


DOMAIN_ROWS = ["baseline", "domain-large-paragraphs", "word2vec-and-domains"]


@unplotted
def test_settings_of_domains_are_the_best_on_the_small_text_and_taken_to_the_large(
    server: FakeServer, tmp_path: Path
) -> None:
    Study(server, tmp_path, "command").table(SMALL, DOMAIN_ROWS, seeds=2)  # type: ignore[arg-type]
    _, *tries = experiments(server)[: 1 + len(requests.DOMAIN_SETTINGS)]
    assert [each["rows"] for each in tries] == [[requests.ON_SMALL]] * len(requests.DOMAIN_SETTINGS)
    assert [each["pretrain"] for each in tries] == [
        {"bilstm_domain": {"epochs": 3}},
        {"bilstm_domain": {"epochs": 3}, "domains": {"k": 50}},
        {"bilstm_domain": {"epochs": 3, "clip": 1.0}},
    ]
    later = experiments(server)[1 + len(tries) :]
    assert len(later) >= 5  # the inputs of one row, the rest, and the whole with one seed and with two
    assert all(each["pretrain"]["domains"] == {"k": 50} for each in later)
    assert "domains (of domain-small-paragraphs): k 50, the best of 3 on valid" in (tmp_path / "table1.md").read_text()
    for each in experiments(server):
        expanded({key: value for key, value in each.items() if key != "name"})


@unplotted
def test_settings_that_failed_are_not_taken(server: FakeServer, tmp_path: Path) -> None:
    server.failing = ["k"]
    Study(server, tmp_path, "command").table(SMALL, DOMAIN_ROWS[:2], seeds=1)  # type: ignore[arg-type]
    assert "domains" not in experiments(server)[-1]["pretrain"]
    assert (
        "domains (of domain-small-paragraphs): the preset's, the best of 2 on valid"
        in (tmp_path / "table1.md").read_text()
    )


@unplotted
def test_settings_that_no_row_uses_are_not_told(server: FakeServer, tmp_path: Path) -> None:
    server.failing = ["k"]
    server.better = "clip"
    Study(server, tmp_path, "command").table(SMALL, ["baseline", "auxiliary"], seeds=1)  # type: ignore[arg-type]
    assert "clip" not in json.dumps(experiments(server)[-1]["pretrain"])
    assert "clip" not in (tmp_path / "table1.md").read_text()


@unplotted
def test_rows_without_domains_search_for_none(server: FakeServer, tmp_path: Path) -> None:
    Study(server, tmp_path, "command").table(SMALL, ["baseline", "tied"], seeds=1)  # type: ignore[arg-type]
    assert not any(requests.ON_SMALL in each["rows"] for each in experiments(server))
    searched = requests.estimated_hours(SMALL, DOMAIN_ROWS[:2], 1) - requests.estimated_hours(SMALL, ["baseline"], 1)
    assert searched > 3 * requests.estimated_hours(SMALL, ["baseline"], 1)


@unplotted
def test_untuned_every_row_has_the_presets_input(server: FakeServer, tmp_path: Path) -> None:
    Study(server, tmp_path, "command").table(  # type: ignore[arg-type]
        SMALL, ["baseline", "bilstm-lm"], seeds=1, tuned=False
    )
    assert [each["rows"] for each in experiments(server)] == [["baseline"], ["bilstm-lm"], ["baseline", "bilstm-lm"]]
    assert not any(each["inputs"] for each in experiments(server))


@unplotted
def test_run_again_it_posts_nothing_new_but_retries_what_failed(server: FakeServer, tmp_path: Path) -> None:
    study = Study(server, tmp_path, "command")  # type: ignore[arg-type]
    study.table(SMALL, ["baseline", "word2vec-external"], seeds=1)
    before, asked = len(server.posted), [each["name"] for each in experiments(server)]
    study.table(SMALL, ["baseline", "word2vec-external"], seeds=1)
    assert [path for path, _ in server.posted[before:]] == [f"/v1/experiments/{name}/retry" for name in asked]


@unplotted
@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_an_earlier_run_left_unfinished_is_queued_again(server: FakeServer, data: Path, status: str) -> None:
    text = select(data)[0]
    study = Study(server, data, "command")  # type: ignore[arg-type]
    name, digest = requests.corpus_name(text.name), hashlib.sha256(text.body()).hexdigest()
    server.known |= {name: {"sha256": digest, "job": "job_7"}, "job_7": {"id": "job_7", "status": status}}
    study.upload(text)
    external = requests.external_word2vec()["name"]
    server.known[external] = {"id": external, "status": status}
    study.table(SMALL, ["baseline", "word2vec-external"], seeds=1)
    assert server.uploaded == []
    retried = [path for path, _ in server.posted if path.startswith("/v1/jobs/")]
    assert retried == ["/v1/jobs/job_7/retry", f"/v1/jobs/{external}/retry"]


def test_the_curve_compares_two_rows_at_three_amounts_of_text(server: FakeServer, tmp_path: Path) -> None:
    Study(server, tmp_path, "command").curve(SMALL, seeds=1)  # type: ignore[arg-type]
    limits = [each["corpora"]["lm"]["train"]["limit_tokens"] for each in experiments(server)]
    assert limits == [100_000, 300_000, 1_000_000]
    assert {tuple(each["rows"]) for each in experiments(server)} == {requests.FIRST}
    assert ">300,000<" in (tmp_path / "table1-curve.svg").read_text()
    assert "| word2vec, LM superset, 100,000 words |" in (tmp_path / "table1-curve.md").read_text()


def test_a_corpus_is_uploaded_once_and_never_taken_for_another(data: Path, tmp_path: Path) -> None:
    text = select(data)[0]
    name = requests.corpus_name(text.name)
    fresh, other = FakeServer(), FakeServer(existing={name: {"sha256": "of other text"}})
    Study(fresh, tmp_path, "command").upload(text)  # type: ignore[arg-type]
    assert fresh.uploaded == [name]
    with pytest.raises(InvalidInput, match="DATA"):
        Study(other, tmp_path, "command").upload(text)  # type: ignore[arg-type]
    assert other.uploaded == []


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (["--rows", "wings"], "ROWS"),
        (["--baseline", "wings"], "BASELINE"),
        (["--scale", "0"], "SCALE"),
        (["--lm", "{"], "LM"),
        (["--lm", "3"], "LM"),
    ],
)
def test_what_cant_be_meant_is_a_sentence(
    data: Path, option: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["table1", "--data", str(data), *option]) == 1
    assert capsys.readouterr().err.startswith(f"{named}:")


def test_the_baseline_is_always_among_the_rows(tmp_path: Path) -> None:
    assert Asked(data=tmp_path, rows=["bilstm-lm"]).chosen == ("baseline", "bilstm-lm")
