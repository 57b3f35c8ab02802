import pytest
from pydantic import TypeAdapter, ValidationError

from hindcast.registry import ID_PREFIXES, Name, new_id

names = TypeAdapter(Name)


@pytest.mark.parametrize("name", ["news", "news 2026 (small)", "Wörter", "lm_baseline", "a.b-c_d"])
def test_a_name_may_be_in_any_tongue(name: str) -> None:
    assert names.validate_python(name) == name


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a/b", "a\\b", "a?b", "a#b", "50%", "a:b", "a,b", "a\nb", "..", ".", "x" * 201]
)
def test_a_name_must_fit_into_a_path(name: str) -> None:
    with pytest.raises(ValidationError):
        names.validate_python(name)


@pytest.mark.parametrize("type", ID_PREFIXES)
def test_a_name_must_not_look_like_an_id(type: str) -> None:
    with pytest.raises(ValidationError, match="must not look like an id, which goes before names"):
        names.validate_python(new_id(type))
    for name in (ID_PREFIXES[type] + "news", new_id(type) + "0", new_id(type)[:-1]):
        assert names.validate_python(name) == name
