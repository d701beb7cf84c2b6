"""Write docs/reference and what repeats declarations, or check that all of it is up to date.

`python -m tools.reference` writes, `python -m tools.reference --check` only compares.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from dexwatch.metrics.units import browser_table
from tools.reference import PAGES, NotReadyError, write
from tools.reference.instrument import declared

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"
WRITTEN: dict[Path, Callable[[], str]] = {
    ROOT / "src/dexwatch/console/static/unit_table.js": browser_table,
    ROOT / "instrument/src/dexwatch_instrument/metrics.py": declared,
}
"""Files of the source that repeat what is declared elsewhere, and what writes them."""


def main(arguments: list[str] | None = None) -> int:
    """Write or check the pages; the status is 1 when one differs or cannot be written."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["--check"]:
        problems = list(stale(FOLDER))
        for file, text in WRITTEN.items():
            if not file.exists() or file.read_text() != text():
                problems.append(f"{file.relative_to(ROOT)} is out of date: run make docs")
        print("\n".join(problems) or "docs/reference is fresh")
        return 1 if problems else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file, text in WRITTEN.items():
        file.write_text(text())
    written = [_write(name) for name in PAGES]
    return 0 if all(written) else 1


def _write(name: str) -> bool:
    try:
        text = write(name)
    except NotReadyError as error:
        print(error)
        return False
    (FOLDER / f"{name}.md").write_text(text)
    print(f"docs/reference/{name}.md")
    return True


def stale(folder: Path) -> Iterator[str]:
    """Yield a line for each page that is missing, out of date, or no longer generated."""
    for name in PAGES:
        path = folder / f"{name}.md"
        try:
            text = write(name)
        except NotReadyError as error:
            yield str(error)
            continue
        if not path.exists():
            yield f"docs/reference/{name}.md is missing: run make docs"
        elif path.read_text() != text:
            yield f"docs/reference/{name}.md is out of date: run make docs"
    for path in sorted(folder.glob("*.md")):
        if path.stem not in PAGES:
            yield f"docs/reference/{path.name} is not generated: move it to docs/guides"


if __name__ == "__main__":
    sys.exit(main())
