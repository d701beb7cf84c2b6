"""The files of the project, as git sees them: tracked, or new and not ignored."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def files(root: Path, *patterns: str) -> Iterator[Path]:
    """Yield existing files below `root`, sorted, that match any git pattern (`*.py`)."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=root,
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout.decode()
    for name in sorted(set(listed.split("\0")) - {""}):
        path = root / name
        if path.is_file():
            yield path
