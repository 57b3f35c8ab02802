"""What is made of others is what would be made of them now; and how the synchronous half is made."""

import importlib.util
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[3] / "client"


@pytest.fixture(scope="module")
def generate():
    specification = importlib.util.spec_from_file_location("generate", CLIENT / "generate.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_what_is_generated_is_up_to_date(generate):
    """If this fails: `make client`."""
    made = dict(generate.generated())
    there = {*(CLIENT / "hindcast_client/synchronous").glob("*.py"), CLIENT / "hindcast_client/answers.py"}
    assert set(made) == there
    for path, content in made.items():
        assert path.read_text() == content, path.name


@pytest.mark.parametrize(
    ("asynchronous", "synchronous"),
    [
        ("async with aclosing(await AsyncThing.open()) as it:", "with closing(Thing.open()) as it:"),
        ("async def f() -> AsyncIterator[int]: ...", "def f() -> Iterator[int]: ..."),
        ("-> AsyncGenerator[dict[str, int] | None, None]:", "-> Generator[dict[str, int] | None, None, None]:"),
        ("take: Callable[[int], Awaitable[Taken]]", "take: Callable[[int], Taken]"),
        ("async def __aenter__(self): await self.aclose()", "def __enter__(self): self.close()"),
        ("from x.asynchronous.jobs import AsyncJobs", "from x.synchronous.jobs import Jobs"),
        ("Asynchronously awaiting an async thing", "Asynchronously awaiting an async thing"),
    ],
)
def test_code_that_waits_becomes_code_that_does_not(generate, asynchronous, synchronous):
    assert generate.synchronous(asynchronous) == synchronous


def test_nothing_asynchronous_is_left(generate):
    for path, content in generate.twins():
        for word in ("async ", "await ", "Async", "anyio"):
            assert word not in content, path.name
