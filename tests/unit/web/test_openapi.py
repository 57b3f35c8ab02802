"""Several OpenAPI documents as one."""

from typing import Any

from hindcast.web.openapi import merged

OWN: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": "Hindcast"}, "paths": {"/healthz": {"get": {}}}}


def document(path: str, reference: str, **schemas: Any) -> dict[str, Any]:
    answer = {"schema": {"$ref": f"#/components/schemas/{reference}"}}
    return {"paths": {path: {"get": answer}, "/healthz": {"get": {"other": 1}}}, "components": {"schemas": schemas}}


def test_public_paths_come_together_and_the_services_own_do_not() -> None:
    joint = merged(
        OWN, {"trainer": document("/v1/jobs", "Job", Job={}), "scorer": document("/v1/rank", "Rank", Rank={})}
    )
    assert set(joint["paths"]) == {"/healthz", "/v1/jobs", "/v1/rank"}
    assert joint["paths"]["/healthz"] == {"get": {}}
    assert joint["info"] == {"title": "Hindcast"}


def test_equal_components_are_kept_once() -> None:
    problem = {"type": "object"}
    joint = merged(
        OWN,
        {
            "trainer": document("/v1/jobs", "Problem", Problem=problem),
            "scorer": document("/v1/rank", "Problem", Problem=problem),
        },
    )
    assert joint["components"]["schemas"] == {"Problem": problem}


def test_different_components_of_one_name_are_told_apart_wherever_they_are_referred_to() -> None:
    holder = {"properties": {"spec": {"$ref": "#/components/schemas/Spec"}}}
    joint = merged(
        OWN,
        {
            "trainer": document("/v1/jobs", "Holder", Holder=holder, Spec={"type": "object"}),
            "scorer": document("/v1/rank", "Holder", Holder=holder, Spec={"type": "string"}),
        },
    )
    schemas = joint["components"]["schemas"]
    assert set(schemas) == {"TrainerHolder", "TrainerSpec", "ScorerHolder", "ScorerSpec"}
    assert schemas["ScorerHolder"]["properties"]["spec"]["$ref"] == "#/components/schemas/ScorerSpec"
    assert joint["paths"]["/v1/jobs"]["get"]["schema"]["$ref"] == "#/components/schemas/TrainerHolder"


def test_a_discriminators_mapping_follows_the_new_names() -> None:
    union = {"discriminator": {"mapping": {"a": "#/components/schemas/A"}}}
    joint = merged(
        OWN,
        {
            "trainer": document("/v1/jobs", "Union", Union=union, A={"const": 1}),
            "scorer": document("/v1/rank", "A", A={"const": 2}),
        },
    )
    mapping = joint["components"]["schemas"]["Union"]["discriminator"]["mapping"]
    assert mapping == {"a": "#/components/schemas/TrainerA"}


def test_operations_of_one_name_are_told_apart() -> None:
    services = {
        name: {"paths": {path: {"get": {"operationId": "list"}, "post": {"operationId": f"add_{name}"}}}}
        for name, path in (("trainer", "/v1/jobs"), ("scorer", "/v1/models"))
    }
    paths = merged(OWN, services)["paths"]
    assert paths["/v1/jobs"]["get"]["operationId"] == "trainer_list"
    assert paths["/v1/models"]["get"]["operationId"] == "scorer_list"
    assert paths["/v1/jobs"]["post"]["operationId"] == "add_trainer"
