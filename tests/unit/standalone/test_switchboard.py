"""What `make switchboard` reads, posts, chooses and counts."""

import gzip
import json
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy import stats
from starlette.types import ASGIApp

from hindcast.errors import InvalidInput
from hindcast.lm.bundle import Bundle
from hindcast.lm.lstm import LstmSpecification
from hindcast.registry import Resource
from hindcast.testing import MemoryDatabase, now, temporary_artifacts
from hindcast.text.vocabulary import Vocabulary
from hindcast.web.app import make_app
from hindcast_scorer.api import routers
from hindcast_scorer.models import Models
from hindcast_scorer.ngram_models import NgramModels
from hindcast_standalone.demonstrations import switchboard, switchboard_requests
from hindcast_standalone.demonstrations.api_client import ApiClient, Refused
from hindcast_standalone.demonstrations.switchboard_judging import InSessions, Judged, judged, told_in_sessions
from hindcast_standalone.demonstrations.switchboard_lists import Lists, nine_best, ten_best
from hindcast_standalone.demonstrations.switchboard_ngram import uploaded_ngram
from hindcast_standalone.demonstrations.switchboard_report import (
    Difference,
    Report,
    Trained,
    rows,
    session_rows,
    terminal_tables,
    write,
)
from hindcast_standalone.demonstrations.switchboard_requests import GENERAL, OTHER, ROWS, Study, general, word2vec
from hindcast_standalone.demonstrations.table1_texts import Document, SourceText

WORDS = ["the", "rain", "fell", "schools", "closed"]


def line(id: str, texts: list[str], *, ref: str = "rain fell", utterance: str | None = None) -> dict[str, Any]:
    hypotheses = [{"text": text, "am": -10.0 * place} for place, text in enumerate(texts)]
    return {"id": id, "ref": ref, "utterance": utterance, "hyps": hypotheses}


def write_lists(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(each) + "\n" for each in lines).encode()))


def test_nine_best_lists_have_natural_logs_and_conversations(tmp_path: Path) -> None:
    lines = [line("dev/1", ["rain", "fell"], utterance="sw2229a-ws97-l-0036"), line("dev/2", ["so"])]
    write_lists(tmp_path / "swb_ws97_9best.jsonl.gz", lines)
    found = nine_best(tmp_path)
    assert found.conversations == ["sw2229", "unknown"]
    assert found.sides == ["sw2229a-ws97-l", "unknown"]
    assert found.lists[0]["hypotheses"][1] == {"text": "fell", "am_score": pytest.approx(-10 * np.log(2))}
    assert found.lists[1]["reference"] == "rain fell"


def test_ten_best_lists_stand_in_the_order_of_speech_and_count_places(tmp_path: Path) -> None:
    ids = ["sw2229a-ws97-l-0002", "sw2151b-ws97-r-0001", "sw2229a-ws97-l-0001"]
    write_lists(tmp_path / "swb_ws97_10best.jsonl.gz", [line(id, ["a", "b"]) for id in ids])
    found = ten_best(tmp_path)
    assert [one["utterance"] for one in found.lists] == sorted(ids)
    assert [each["am_score"] for each in found.lists[0]["hypotheses"]] == [0, -1]


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{", mtime=0), gzip.compress(b"[]\n", mtime=0), None])
def test_lists_that_cannot_be_read_are_told_by_name(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "swb_ws97_9best.jsonl.gz").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"DATA.*swb_ws97_9best"):
        nine_best(tmp_path)


def test_requests_have_names_that_follow_from_them() -> None:
    study = Study(epochs=3)
    made = [study.model(row, seed=seed, dropout=0.2) for row in (*ROWS, GENERAL) for seed in (1, 2)]
    assert len({each["name"] for each in made}) == len(made)
    assert made == [study.model(row, seed=seed, dropout=0.2) for row in (*ROWS, GENERAL) for seed in (1, 2)]
    assert study.model(GENERAL, seed=1, dropout=0.2)["init_from"] == general(study.first())["name"]
    assert study.model(ROWS[2], seed=1, dropout=0.2)["input"]["table"] == word2vec()["name"]
    assert Study(epochs=3, history="document").first() == study.first(), "the general model is made once"
    assert not {"switchboard", "masc"} & set(OTHER)


class FakeJobs:
    """Runs every job at once; its perplexity of valid is what its dropout says."""

    def __init__(self) -> None:
        self.console = Console(quiet=True)
        self.jobs: dict[str, dict[str, Any]] = {}

    def find(self, path: str, name: str) -> Any:
        return next((job for job in self.jobs.values() if job["name"] == name), None)

    def post(self, path: str, spec: dict[str, Any]) -> Any:
        id = f"job_{len(self.jobs)}"
        valid = 100.0 - 10 * (spec.get("dropout") == 0.5 and "init_from" not in spec) + spec.get("seed", 0)
        self.jobs[id] = {
            **{"id": id, "name": spec["name"], "kind": spec["kind"], "status": "succeeded", "error": None},
            "metrics": {"valid_perplexity": valid, "test_perplexity": 2 * valid},
            "result": {"id": f"lm_{id}"},
        }
        return self.jobs[id]

    def get(self, path: str) -> Any:
        return self.jobs[path.rpartition("/")[2]]

    def wait(self, jobs: Any) -> None:
        pass


def test_each_row_has_the_dropout_that_valid_likes() -> None:
    api: Any = FakeJobs()
    trained = switchboard.trained_rows(api, Study(epochs=3, seeds=3), (ROWS[0], GENERAL))
    assert (trained["baseline"].dropout, trained["general"].dropout) == (0.5, 0.2)
    assert (trained["baseline"].valid, trained["baseline"].test) == (92.0, 184.0)
    assert len(set(trained["baseline"].models)) == 3
    # A table and a general model; both dropouts of both rows; two seeds more of each.
    assert len(api.jobs) == 2 + 4 + 4


@pytest.fixture
def api(tmp_path: Path, serving: Callable[[ASGIApp], AbstractContextManager[str]]) -> Iterator[ApiClient]:
    """Of a scorer on a socket, with one model."""
    specification = LstmSpecification(vocabulary_size=len(WORDS) + 2, input_size=4, hidden_size=4)
    bundle = Bundle(specification, specification.build(seed=1), Vocabulary.from_words(WORDS), "asr", "document", {})
    (tmp_path / "made").mkdir()
    bundle.save(tmp_path / "made")
    artifacts, database = temporary_artifacts(tmp_path), MemoryDatabase()
    size = artifacts.put(tmp_path / "made", "models/lm_1/0")
    with database.transaction() as transaction:
        transaction.resources.add(Resource("lm_1", "model", "m", "models/lm_1/0", bundle.facts(), size, None, now()))
    routes = routers(
        Models(database, artifacts, scratch=tmp_path / "scratch", memory_bytes=1 << 30),
        NgramModels(database, artifacts, scratch=tmp_path / "scratch", memory_bytes=1 << 30),
        slots=1,
    )
    app = make_app(title="scorer", version="0", routers=routes, readiness=lambda: None)
    with serving(app) as url:
        yield ApiClient(url, Console(quiet=True))


def lists_of_two_conversations() -> Lists:
    """By acoustic scores the first is best; what was said is the first of even ones, the second of odd ones."""
    texts = ["the rain fell", "schools closed the rain"]
    lists = [
        {
            "utterance": f"u{number}",
            "hypotheses": [{"text": texts[0], "am_score": 0.0}, {"text": texts[1], "am_score": -0.1}],
            "reference": texts[number % 2],
        }
        for number in range(8)
    ]
    conversations = ["one"] * 4 + ["two"] * 4
    return Lists(lists, conversations, [f"{name} a" for name in conversations])


def test_judged_as_cross_validation_judges(api: ApiClient) -> None:
    lists = lists_of_two_conversations()
    found = judged(api, "lm_1", lists)
    assert found.wer == pytest.approx(found.answer["cross_validation"]["wer_after"])
    assert found.words_U.tolist() == [3, 4] * 4
    with pytest.raises(Refused, match="self_normalized"):
        judged(api, "lm_1", lists, sum="skipped")


ARPA = """\\data\\
ngram 1=4
ngram 2=1

\\1-grams:
-1\t<unk>
-99\t<s>\t0
-1\t</s>
-0.5\train\t0

\\2-grams:
-0.2\t<s> rain

\\end\\
"""


def test_an_ngram_model_is_joined_and_tuned(api: ApiClient, tmp_path: Path) -> None:
    pytest.importorskip("kenlm")
    (tmp_path / "made.arpa").write_text(ARPA)
    lmplz = tmp_path / "lmplz"
    lmplz.write_text(f"#!/bin/sh\ncd {tmp_path}\ncat > read\nwhile [ $1 != --arpa ]; do shift; done\ncp made.arpa $2\n")
    lmplz.chmod(lmplz.stat().st_mode | stat.S_IXUSR)
    documents = [Document("a", ["The rain.", "Fell"], None, "train"), Document("b", ["No."], None, "valid")]
    text, read = SourceText("switchboard", documents), tmp_path / "read"
    name = uploaded_ngram(api, lmplz, text, tmp_path / "out")
    assert read.read_text() == "the rain\nfell\n"
    assert uploaded_ngram(api, tmp_path / "none", text, tmp_path / "out") == name, "it is made once"
    with pytest.raises(InvalidInput, match="LMPLZ"):  # of other text it is another one
        uploaded_ngram(api, tmp_path / "none", SourceText("switchboard", documents[::-1][:1]), tmp_path / "out")
    found = judged(api, "lm_1", lists_of_two_conversations(), ngram=name, shares=[0.0, 0.5])
    assert found.answer["weights"]["interpolation"]["weight"] in (0.0, 0.5)
    assert found.wer == pytest.approx(found.answer["cross_validation"]["wer_after"])


def test_a_program_that_fails_is_told(tmp_path: Path) -> None:
    text = SourceText("switchboard", [Document("a", ["rain"], None, "train")])
    nothing: Any = SimpleNamespace(find=lambda path, name: None)
    for program, said in ((Path("/bin/false"), "failed"), (tmp_path / "none", "can't be run")):
        with pytest.raises(InvalidInput, match=f"LMPLZ.*{said}"):
            uploaded_ngram(nothing, program, text, tmp_path)


def test_sessions_go_on_side_by_side(api: ApiClient) -> None:
    lists = lists_of_two_conversations()
    found = told_in_sessions(api, "lm_1", lists)
    assert found.tokens == sum(len(one["reference"].split()) + 1 for one in lists.lists)
    assert found.reference_logprob != pytest.approx(found.reference_logprob_alone, abs=1e-6)
    assert len(found.errors_U) == len(lists)
    # Four of each side are read in one session: the first of each is read as if alone.
    first = Lists(lists.lists[::4], lists.conversations[::4], lists.sides[::4])
    alone = told_in_sessions(api, "lm_1", first)
    assert alone.reference_logprob == pytest.approx(alone.reference_logprob_alone, abs=1e-4)


def of(errors: list[int], *, before: float = 40.0) -> Judged:
    told = {"cross_validation": {"wer_before": before, "wer_oracle": 10.0}}
    return Judged(told, np.array(errors), np.full(len(errors), 5))


def test_a_difference_is_that_of_the_seeds_means() -> None:
    found = Difference.between([of([0, 1] * 20), of([1, 0] * 20)], [of([1] * 40)])
    assert found.points == pytest.approx(-10.0)
    assert found.low == found.high == pytest.approx(-10.0)
    assert found.p_value < 1e-3
    same = Difference.between([of([1, 0] * 20)], [of([0, 1] * 20)])
    assert same.low < 0 < same.high
    assert same.p_value == pytest.approx(1.0)


def test_seeds_that_scatter_make_a_difference_less_sure() -> None:
    before = [of([1] * 40), of([1] * 40)]
    alike = Difference.between([of([0, 1] * 20), of([1, 0] * 20)], before)
    apart = Difference.between([of([0] * 40), of([1] * 40)], before)
    assert apart.points == alike.points
    assert apart.low < alike.low <= alike.high < 0 < apart.high
    # Two seeds 0 and 20, two of 20: a pooled deviation of 10, a standard error of 10, Student's t of two degrees.
    assert apart.p_value == pytest.approx(2 * stats.t.sf(1, df=2), abs=0.02)


def test_what_is_written(tmp_path: Path) -> None:
    trained = {
        row.key: Trained(row, 0.2, ["lm_1"], valid=70.0 - place, test=90.0) for place, row in enumerate(ROWS[:2])
    }
    found = {"baseline": [of([1, 1, 2, 1])], "tied": [of([1, 1, 1, 1])]}
    sessions = InSessions(of([2, 1, 1, 1]), np.array([1, 1, 1, 1]), -200.0, -190.0, 50)
    report = Report("switchboard", trained, found, {"n-gram": [of([1, 0, 0, 0])]}, "tied", sessions)
    cells = {row[0]: row for row in rows(report)}
    assert cells["best acoustic score"][3] == "40.0"
    assert cells["lowest possible"][3] == "10.0"
    assert cells["no pre-training"][1:4] == ("70.0", "90.0", "25.0")
    assert cells["no pre-training, tied"][3:5] == ("20.0", "-5.00")
    assert cells["n-gram"][3:5] == ("5.0", "-20.00")
    assert cells["n-gram"][-1] == cells["best acoustic score"][-1] == "–"
    assert cells["no pre-training, tied"][-1].startswith("+15.00 (")
    assert [row[1:3] for row in session_rows(report)] == [("–", "40.0"), ("54.6", "25.0"), ("44.7", "20.0")]
    assert len(terminal_tables(report)) == 2
    page = write(tmp_path / "out", report)
    assert "| no pre-training, tied | 69.0 | 90.0 | 20.0 | -5.00 |" in page.read_text()
    assert json.loads(page.with_suffix(".json").read_text())["rows"][-1]["WER"] == "5.0"


def test_nothing_is_made_of_data_that_is_not_there(tmp_path: Path) -> None:
    settings: Any = SimpleNamespace(home_folder=tmp_path / "home")
    asked = switchboard.Asked(tmp_path, epochs=1)
    with pytest.raises(InvalidInput, match="DATA"):
        switchboard.run(settings, asked, command="switchboard", console=Console(quiet=True))
    assert not (tmp_path / "home").exists()
    assert switchboard_requests.DROPOUTS
