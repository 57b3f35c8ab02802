from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from hindcast.nn.embedding_table import TableKind
from hindcast_trainer.foresight import LABELLED
from hindcast_trainer.kinds import KINDS, OBJECTIVES, POSTABLE, AnySpec, JobSpec, Order, parse
from hindcast_trainer.probe import Probe
from hindcast_trainer.references import as_written
from hindcast_trainer.worker.__main__ import QUICK

SMALLEST: dict[str, dict[str, Any]] = {
    "domains": {"corpus": "cor_1", "k": 3},
    "word2vec": {"corpus": "cor_1"},
    "lsa": {"corpus": "cor_1"},
    "concatenation": {"tables": ["tab_1", "tab_2"]},
    "bilstm_lm": {"corpus": "cor_1"},
    "bilstm_domain": {"corpus": "cor_1", "domains": "dom_1"},
    "language_model": {"train": "cor_1"},
    "ingest": {"upload": "uploads/1", "format": "text", "pipeline": "plain", "sha256": "ab"},
    "probe": {"model": "lm_1", "probes": [{"context": "A", "target": "storm"}]},
    "topical_probe": {"model": "lm_1", "text": "cor_1", "probes": {"auto": 3}},
    "comparison": {"models": ["lm_1"], "baseline": ["lm_2"], "text": "cor_1", "pretraining": ["cor_2", "cor_3"]},
}
ORDER: TypeAdapter[Order] = TypeAdapter(Order)


def test_every_kind_that_learns_nothing_is_quick() -> None:
    learning = {"word2vec", "lsa", "bilstm_lm", "bilstm_domain", "domains", "language_model"}
    assert sorted([*QUICK, *learning]) == sorted(KINDS)


def test_domains_are_looked_at_wherever_a_kind_names_them() -> None:
    smallest = {**SMALLEST, "language_model": {**SMALLEST["language_model"], "auxiliary": {"domains": "dom_1"}}}
    fields = {
        reference.field
        for kind, spec in smallest.items()
        for reference in parse(kind, spec).references()
        if reference.types == ("domains",)
    }
    assert fields == set(LABELLED)


def test_the_smallest_specification_of_every_kind_is_listed_here() -> None:
    assert SMALLEST.keys() == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stored_of_a_specification_is_read_as_the_same(kind: str) -> None:
    spec = parse(kind, SMALLEST[kind])
    assert spec.kind == kind
    assert parse(kind, spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize("kind", KINDS)
def test_every_reference_stands_where_it_says(kind: str) -> None:
    spec = parse(kind, SMALLEST[kind])
    document = spec.model_dump(mode="json")
    for reference in spec.references():
        assert as_written(reference.field, document) == reference.field
        node = document
        for key in reference.field.split("."):
            node = node[int(key)] if isinstance(node, list) else node[key]
        assert node == reference.value


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_takes_an_unknown_field(kind: str) -> None:
    with pytest.raises(ValidationError):
        parse(kind, {**SMALLEST[kind], "wings": 2})


def test_what_comes_of_uploads_and_experiments_cant_be_posted() -> None:
    assert set(KINDS) - set(POSTABLE) == {"ingest", "probe", "topical_probe", "comparison"}
    for kind in set(KINDS) - set(POSTABLE):
        with pytest.raises(ValidationError):
            ORDER.validate_python({"kind": kind, **SMALLEST[kind]})


@pytest.mark.parametrize("kind", POSTABLE)
def test_an_order_parts_the_name_from_the_specification(kind: str) -> None:
    order = ORDER.validate_python({"kind": kind, "name": "mine", **SMALLEST[kind]})
    assert order.name == "mine"
    assert order.spec == parse(kind, SMALLEST[kind])


def test_the_schema_of_an_order_has_every_kind_with_a_name() -> None:
    schema = ORDER.json_schema()
    assert schema["discriminator"]["mapping"].keys() == set(POSTABLE)
    for option in schema["oneOf"]:
        assert "name" in schema["$defs"][option["$ref"].rsplit("/", 1)[1]]["properties"]
    assert AnySpec is not None


def coercing(node: Any) -> Iterator[Any]:
    """The parts of a schema that would take a "64" for 64."""
    if isinstance(node, dict):
        kind = node.get("type")
        if isinstance(kind, str) and kind in ("int", "float", "bool", "str") and not node.get("strict"):
            yield node
        for key, inner in node.items():
            if key not in ("cls", "config", "default", "metadata"):
                yield from coercing(inner)
    elif isinstance(node, list | tuple):
        for inner in node:
            yield from coercing(inner)


@pytest.mark.parametrize("document", [JobSpec, Probe])
def test_nothing_that_is_posted_takes_one_type_for_another(document: Any) -> None:
    assert list(coercing(TypeAdapter(document).core_schema)) == []


def test_tables_can_be_listed_by_every_kind_that_makes_them() -> None:
    assert OBJECTIVES.keys() <= set(get_args(TableKind))
