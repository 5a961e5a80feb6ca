"""Each import rule of pyproject.toml catches what it is there for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT = Path(sys.executable).with_name("lint-imports")

BREACHES = [
    ("bot-layers", "bot/options.py", "from bot import turns"),
    ("bot-layers", "bot/unlisted.py", '"""A module that no layer names."""'),
    ("composition-root", "bot/turns.py", "import storage.engine"),
    ("composition-root", "bot/say.py", "import adapters.terminal.platform"),
    ("core-without-io", "bot/painting.py", "import httpx"),
    ("adapters-apart", "adapters/gemini/client.py", "import adapters.offline.model"),
    ("adapters-storage", "adapters/gemini/client.py", "import storage.blobs"),
    ("pure-halves", "adapters/gemini/wire.py", "import httpx"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for package in ("bot", "adapters", "storage"):
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path, contract: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache", "--contract", contract],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"},
    )


@pytest.mark.parametrize(("contract", "file", "line"), BREACHES)
def test_a_breach_of_an_import_rule_is_caught(
    tree: Path, contract: str, file: str, line: str
) -> None:
    path = tree / file
    path.write_text(f"{path.read_text() if path.exists() else ''}\n{line}\n")
    done = lint(tree, contract)
    assert done.returncode != 0
    assert "BROKEN" in done.stdout or "unlisted" in done.stdout + done.stderr


@pytest.mark.parametrize("contract", sorted({contract for contract, _, _ in BREACHES}))
def test_the_tree_as_it_is_keeps_the_rule(tree: Path, contract: str) -> None:
    done = lint(tree, contract)
    assert done.returncode == 0, done.stdout
