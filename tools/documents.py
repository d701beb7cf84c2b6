"""Check what is written: links, commands, the reference, and what must not be named.

Internal links must lead somewhere, commands in code must exist, docs/reference must be what the
definitions say, and no file may name a package registry, a path of somebody's machine, or the
number of an issue.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.reference.__main__ import stale
from tools.tree import ROOT, files

LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.MULTILINE)
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^(?:```|~~~)\w*\n(.*?)^(?:```|~~~)|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
MAKE = re.compile(r"(?:^|[\s&;$])make ((?:[A-Z_]+=\S+ )*)([a-z][a-z-]*)", re.MULTILINE)
COMMAND = re.compile(r"(?:^|[\s/&;$])dexwatch ([a-z][a-z-]*)", re.MULTILINE)
TARGET = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)

# The pieces are joined here only, so that this file does not name what it forbids.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
        ("maven", "org"),
    )
)
HOME = re.compile(r"(?<![\w.~$})-])/(?:work|home|root|Users)/[A-Za-z_]")
ISSUE = re.compile(r"\b(?:issue|issues|PR|pull request)s?\s+#?\d+\b|\(#\d+\)", re.IGNORECASE)
LARGEST_BYTES = 2_000_000
GENERATED = ("requirements/", "LICENSE")


def main() -> int:
    """Print every problem; the status is 1 when there is one."""
    problems = list(check(ROOT))
    print("\n".join(problems) or "documents are in order")
    return 1 if problems else 0


def check(root: Path) -> Iterator[str]:
    """Yield a line for each problem in the project at `root`."""
    targets = set(TARGET.findall((root / "Makefile").read_text()))
    for path in files(root, "*.md"):
        shown = str(path.relative_to(root))
        text = path.read_text()
        yield from broken_links(path, text, root)
        yield from unknown_targets(shown, text, targets)
        yield from unknown_commands(shown, text)
    yield from stale(root / "docs" / "reference")
    for path in files(root):
        yield from unwanted(str(path.relative_to(root)), path)


def broken_links(path: Path, text: str, root: Path) -> Iterator[str]:
    """Yield the internal links of a page that lead nowhere; a link to another host is not tried."""
    shown = path.relative_to(root)
    for target in LINK.findall(FENCE.sub("", text)):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        if not found.exists():
            yield f"{shown}: the link {target!r} leads nowhere"
        elif anchor and found.suffix == ".md" and anchor not in anchors(found.read_text()):
            yield f"{shown}: {found.name} has no heading for {target!r}"


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as the usual Markdown sites make them."""
    found: dict[str, int] = {}
    names = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
        count = found.get(slug, 0)
        found[slug] = count + 1
        names.add(f"{slug}-{count}" if count else slug)
    return names


def unknown_targets(shown: str, text: str, targets: set[str]) -> Iterator[str]:
    """Yield the `make` targets that code in a page names and the Makefile lacks."""
    for code in _codes(text):
        for _, target in MAKE.findall(code):
            if target not in targets:
                yield f"{shown}: the Makefile has no target {target!r}"


def unknown_commands(shown: str, text: str) -> Iterator[str]:
    """Yield the `dexwatch` commands that code in a page names and the command line lacks."""
    named = {name for code in _codes(text) for name in COMMAND.findall(code)}
    if not named:
        return
    try:
        from tools.reference.cli import commands  # noqa: PLC0415 - the package may not be whole.
    except ImportError as error:
        yield f"{shown}: its commands cannot be checked: {error}"
        return
    for name in sorted(named - commands()):
        yield f"{shown}: there is no command `dexwatch {name}`"


def _codes(text: str) -> Iterator[str]:
    for fenced, inline in CODE.findall(text):
        yield fenced or inline


def unwanted(shown: str, path: Path) -> Iterator[str]:
    """Yield the lines of a text file that name what must not be named."""
    if shown.startswith(GENERATED) or path.stat().st_size > LARGEST_BYTES:
        return
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return  # A picture or font has no lines.
    for number, line in enumerate(text.splitlines(), start=1):
        for host in REGISTRIES:
            if host in line:
                yield f"{shown}:{number}: names the package registry {host}"
        if HOME.search(line):
            yield f"{shown}:{number}: names a path of somebody's machine: {line.strip()[:80]}"
        if ISSUE.search(line):
            yield f"{shown}:{number}: names an issue by number: {line.strip()[:80]}"


if __name__ == "__main__":
    sys.exit(main())
