"""What is counted of WebSockets. Requests, and what fails in them, are tested with the application around them."""

from fastapi import APIRouter, WebSocket
from fastapi.testclient import TestClient

from hindcast.web.app import make_app


def test_metrics_count_websockets_and_their_messages() -> None:
    routes = APIRouter()

    @routes.websocket("/v1/{name}/echo")
    async def echo(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)
            await websocket.send_text(text)

    client = TestClient(make_app(title="t", version="0", routers=[routes], readiness=lambda: None))
    with client.websocket_connect("/v1/a/echo") as websocket:
        websocket.send_text("b")
        assert websocket.receive_text() == websocket.receive_text() == "b"
        assert 'hindcast_websockets{route="/v1/{name}/echo"} 1.0' in client.get("/metrics").text
    figures = client.get("/metrics").text
    assert 'hindcast_websockets{route="/v1/{name}/echo"} 0.0' in figures
    assert 'hindcast_websocket_messages_total{direction="in",route="/v1/{name}/echo"} 1.0' in figures
    assert 'hindcast_websocket_messages_total{direction="out",route="/v1/{name}/echo"} 2.0' in figures
