from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def _pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))


def test_the_image_is_built_of_nothing_but_what_the_locks_name() -> None:
    commands = re.findall(r"\bpip (?:install|wheel) [^&\n]*", DOCKERFILE)
    assert len(commands) == DOCKERFILE.count("pip install") + DOCKERFILE.count("pip wheel") == 4
    for command in commands:
        assert "--require-hashes" in command or {"--no-index", "--no-deps"} <= set(command.split())
    assert "-m build" not in DOCKERFILE


def test_the_wheel_is_built_with_the_versions_of_development() -> None:
    build, development = _pins("requirements-build.lock"), _pins("requirements-dev.lock")
    assert "hatchling" in build
    assert build.items() <= development.items()


def test_everything_that_the_image_copies_reaches_its_build() -> None:
    allowed = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE))
    copied = [
        name
        for names in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
        for name in names.split()
    ]
    assert set(copied) == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_the_data_folder_of_the_image_is_for_our_user_alone() -> None:
    assert "install -d -m 700 -o threadpaint /data" in DOCKERFILE
    assert "DATA_DIR=/data" in DOCKERFILE


def test_the_image_without_a_command_listens_in_chat() -> None:
    assert 'CMD ["run"]' in DOCKERFILE
