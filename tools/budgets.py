"""Hold the budgets that keep the code readable.

| what                          | aim | limit |
| function, without docstring   |  50 |    70 |
| file                          | 300 |   400 |
| modules in a folder           |     |    12 |
| folders below the package     |     |     2 |

Catalogue folders, in which each module is one more entry of a kind, may hold any number.
What is beyond an aim is told, what is beyond a limit fails; `--strict` fails on both.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.tree import ROOT, files

FUNCTION_AIM, FUNCTION_LIMIT = 50, 70
FILE_AIM, FILE_LIMIT = 300, 400
FOLDER_LIMIT = 12
DEPTH_LIMIT = 2
CATALOGUES = {
    "collectors",
    "catalogue",
    "rules",
    "notifiers",
    "playbooks",
    "dashboards",
    "detectors",
    "metrics",
    "scenarios",
}
FORBIDDEN = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base", "core"}
PACKAGES = ("src/dexwatch", "instrument/src/dexwatch_instrument", "tools")
"""Where folders are counted; tests mirror them, so they need no budget of their own."""


@dataclass(frozen=True)
class Finding:
    """One thing beyond a budget."""

    place: str
    text: str
    fails: bool

    def __str__(self) -> str:
        return f"{'FAIL' if self.fails else 'note'} {self.place}: {self.text}"


def main(arguments: list[str] | None = None) -> int:
    """Print what is beyond a budget; the status is 1 when a limit is passed."""
    strict = "--strict" in (sys.argv[1:] if arguments is None else arguments)
    findings = list(check(ROOT))
    for finding in findings:
        print(finding)
    failed = [finding for finding in findings if finding.fails or strict]
    print(f"{len(findings)} findings, {len(failed)} fail")
    return 1 if failed else 0


def check(root: Path) -> Iterator[Finding]:
    """Yield everything beyond a budget in the project at `root`."""
    modules = list(files(root, "*.py"))
    for path in modules:
        yield from _file(path, path.relative_to(root))
    yield from _folders([path.relative_to(root) for path in modules])


def _file(path: Path, shown: Path) -> Iterator[Finding]:
    text = path.read_text()
    yield from _size(str(shown), "file", len(text.splitlines()), FILE_AIM, FILE_LIMIT)
    if shown.stem in FORBIDDEN:
        yield Finding(str(shown), f"the name {shown.stem!r} says nothing: name what it does", True)
    for node in ast.walk(ast.parse(text, filename=str(shown))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            place = f"{shown}:{node.lineno} {node.name}"
            yield from _size(place, "function", length(node), FUNCTION_AIM, FUNCTION_LIMIT)


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function; explaining it costs nothing, so its docstring is free."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    match node.body[0]:
        case ast.Expr(ast.Constant(str())) as text if ast.get_docstring(node) is not None:
            return lines - ((text.end_lineno or text.lineno) - text.lineno + 1)
    return lines


def _size(place: str, what: str, lines: int, aim: int, limit: int) -> Iterator[Finding]:
    if lines > limit:
        yield Finding(place, f"{what} of {lines} lines, the limit is {limit}: split it", True)
    elif lines > aim:
        yield Finding(place, f"{what} of {lines} lines, aim at {aim}", False)


def _folders(modules: list[Path]) -> Iterator[Finding]:
    counted: Counter[Path] = Counter()
    for path in modules:
        package = next((Path(one) for one in PACKAGES if path.is_relative_to(one)), None)
        if package is None:
            continue
        if path.stem not in {"__init__", "__main__"}:
            counted[path.parent] += 1
        depth = len(path.relative_to(package).parts) - 1
        if depth > DEPTH_LIMIT:
            yield Finding(
                str(path), f"{depth} folders deep, the limit is {DEPTH_LIMIT}: move it up", True
            )
    for folder, count in sorted(counted.items()):
        if count > FOLDER_LIMIT and folder.name not in CATALOGUES:
            text = f"{count} modules, the limit is {FOLDER_LIMIT}: group those that belong together"
            yield Finding(str(folder), text, True)


if __name__ == "__main__":
    sys.exit(main())
