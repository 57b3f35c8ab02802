"""The dashboard's files, as they lie in their folder: there is nothing to build."""

import os
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

START = "index.html"
HEADERS: Mapping[str, str] = {
    # Everything comes from this origin, scripts from files alone; styles that scripts set are no inline styles.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'; object-src 'none'",
    "Cache-Control": "no-cache",  # asked for each time, and 304 by its ETag: a new version is seen at once
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""What an operating system's own list may get wrong."""


class Dashboard(StaticFiles):
    """ASGI application: the files below a folder, with ETags and a content security policy; folders are no files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder)

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether the folder has the dashboard."""
        return (folder / START).is_file()

    async def page(self, scope: Scope) -> Response:
        """The one page, which asks for everything else; relative links in it are seen from the origin's root."""
        return await self.get_response(START, scope)

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or 304 where the client has it."""
        answer = super().file_response(full_path, stat_result, scope, status_code)
        answer.headers.update(HEADERS)
        if (known := TYPES.get(Path(full_path).suffix)) and answer.status_code != 304:
            answer.headers["Content-Type"] = known
        return answer
