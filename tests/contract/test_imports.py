"""The import contracts hold for every file: a folder without __init__.py would escape them in silence."""

import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "shared", ROOT / "client", *(ROOT / "services").glob("*/")]


def module_of(file: Path, folder: Path) -> str:
    parts = file.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_the_contracts_see_every_file() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    seen = grimp.build_graph(*contracts["root_packages"], cache_dir=None).modules
    files = {module_of(file, folder) for folder in FOLDERS for file in folder.glob("hindcast*/**/*.py")}
    assert files == seen
