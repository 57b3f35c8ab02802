import pytest
from fastapi import HTTPException

from hindcast.web.negotiation import preferred

JSON, ROWS = "application/json", "application/octet-stream"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/octet-stream", ROWS),
        ("APPLICATION/OCTET-STREAM", ROWS),
        ("application/json;q=0.5, application/octet-stream", ROWS),
        ("text/html, application/*;q=0.8, application/json;q=0.2", ROWS),
        ("application/octet-stream;q=0, */*", JSON),
    ],
)
def test_the_best_liked_form_is_taken(accept: str | None, expected: str) -> None:
    assert preferred(accept, [JSON, ROWS]) == expected


@pytest.mark.parametrize("accept", ["text/html", "text/*", "application/json;q=0, text/html", "application/json;q=x"])
def test_nothing_acceptable_is_406(accept: str) -> None:
    with pytest.raises(HTTPException) as caught:
        preferred(accept, [JSON, ROWS])
    assert caught.value.status_code == 406
    assert JSON in caught.value.detail
