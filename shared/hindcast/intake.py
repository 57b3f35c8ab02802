"""What users send is taken in whole or not at all: its files under a fresh key, then the row that shows them."""

import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hindcast.errors import NameTaken, NotFound, Unavailable
from hindcast.jobs.ports import Artifacts, Database
from hindcast.jobs.service import ARTIFACT_FOLDERS
from hindcast.registry import Resource, ResourceType, new_id


class Intake:
    """Takes in resources of one type, and lets them go."""

    def __init__(
        self,
        database: Database,
        artifacts: Artifacts,
        type: ResourceType,
        *,
        scratch: Path,
        called: str | None = None,
    ) -> None:
        """`scratch` is a folder for uploads on their way, best on the artifacts' file system; `called` is what people
        call the type, if not so."""
        self._database = database
        self._artifacts = artifacts
        self._type = type
        self._scratch = scratch
        self._called = called or type

    def check_free(self, name: str | None) -> None:
        """NameTaken. Nobody should send gigabytes to hear in the end that the name is taken."""
        if name is None:
            return
        with self._database.transaction() as transaction:
            try:
                first = transaction.resources.get(name, self._type)
            except NotFound:
                return
        raise NameTaken(f"The name {name!r} belongs to {self._called} {first.id}.")

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty one that is gone afterwards."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="import-") as parent:
            folder = Path(parent) / self._type
            folder.mkdir()
            yield folder

    def described(self, folder: Path, *, name: str | None, facts: Mapping[str, Any]) -> Resource:
        """What the files in `folder` become when they are kept."""
        id = new_id(self._type)
        artifact = f"{ARTIFACT_FOLDERS[self._type]}/{id}/{secrets.token_hex(8)}"
        size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        return Resource(id, self._type, name, artifact, facts, size_bytes, None, datetime.now(UTC))

    def keep(self, resource: Resource, folder: Path) -> Resource:
        """Store the files that it was described from, and have it be there. NameTaken."""
        assert resource.artifact is not None
        self._artifacts.put(folder, resource.artifact)
        try:
            with self._database.transaction() as transaction:
                transaction.resources.add(resource)
        except Unavailable:
            raise  # it may have been committed all the same, and then the row needs its files
        except BaseException:
            self._artifacts.delete(resource.artifact)
            raise
        return resource

    def delete(self, reference: str) -> str:
        """By id or name; its id. NotFound; InUse while a job needs it. Its files are discarded with it."""
        with self._database.transaction() as transaction:
            resource = transaction.resources.get(reference, self._type)
            transaction.resources.delete(resource.id)
        return resource.id
