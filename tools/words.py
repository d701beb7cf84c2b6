"""Check that no invented word comes back where the field has one: `WORDS` says which to use.

Names are read word by word, in snake case as in camel case, and so are texts; the plural counts.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.tree import ROOT, files

WORDS: Mapping[str, str] = {
    "agenda": "job queue",
    "anatomy": "expression analysis",
    "blindness": "absent signals",
    "briefing": "message context",
    "cadence": "scrape class, or interval",
    "calm": "no alert fires; healthy",
    "desk": "the thing itself: swap client, sign-in pages, developer's machine",
    "door": "receiver, endpoint, listener or port",
    "doubt": "unconfirmed (a resolve), uncertain (a delivery)",
    "duties": "jobs",
    "hasten": "expedite",
    "hastened": "expedite",
    "hog": "connection holder",
    "housekeeper": "retention",
    "keeper": "reaper, supervisor",
    "lineage": "ancestry",
    "mood": "behaviour",
    "mourn": "replace, clean up",
    "pulse": "health summary",
    "rung": "group priority",
    "sighting": "lookup result",
    "sweeper": "worker",
    "undertaker": "reaper",
    "witness": "evaluator, confirmation",
}
"""The invented word, and what the field calls the thing."""

ALLOWED: Mapping[str, frozenset[str]] = {
    "src/dexwatch/demo/chain/start.py": frozenset({"keeper"}),
    "src/dexwatch/storage/migrations/v0004_names.py": frozenset({"doubt"}),
    "tests/storage/test_schema.py": frozenset({"doubt"}),
}
"""Where a word has to stand: an option of anvil, and what was stored under an old name."""

_SUFFIXES = {".py", ".md", ".html", ".jinja", ".js", ".css", ".yml", ".toml", ".sql", ".vy"}
_LEFT_OUT = ("CHANGELOG.md", "tools/words.py", "tests/tools/test_words.py")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def main() -> int:
    """Print every invented word; the status is 1 when there is one."""
    found = list(check(ROOT))
    print("\n".join(found) or "all words are the field's")
    return 1 if found else 0


def check(root: Path) -> Iterator[str]:
    """Yield a line for each invented word in the project at `root`."""
    for path in files(root):
        shown = str(path.relative_to(root))
        if path.suffix in _SUFFIXES and shown not in _LEFT_OUT:
            yield from invented(shown, path.read_text())


def invented(shown: str, text: str) -> Iterator[str]:
    """Yield where a text uses an invented word, and the field's word for it."""
    allowed = ALLOWED.get(shown, frozenset())
    for number, line in enumerate(text.splitlines(), start=1):
        for word in dict.fromkeys(word.lower() for word in _WORD.findall(line)):
            known = word if word in WORDS else word.removesuffix("s")
            if known in WORDS and known not in allowed:
                yield f"{shown}:{number}: {word!r} is ours alone; the field says: {WORDS[known]}"


if __name__ == "__main__":
    sys.exit(main())
