import pytest
from pydantic import TypeAdapter, ValidationError

from hindcast.registry import Name

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
