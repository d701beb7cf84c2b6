"""The little Markdown that the pages are made of."""

from collections.abc import Iterable, Sequence

NOTE = "<!-- Written by `make docs` from the definitions in the code; do not edit. -->"


def document(title: str, introduction: str, parts: Iterable[str]) -> str:
    """Return a whole page; an empty part leaves no gap."""
    blocks = [f"# {title}", NOTE, introduction, *parts]
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip()) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table, or a sentence where there is nothing to list."""
    lines = ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    if not lines:
        return "None yet."
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *lines])


def cell(value: object) -> str:
    """Return a value as one table cell: one line, no bar that would end the cell."""
    return " ".join(str(value).split()).replace("|", "\\|")


def code(value: object) -> str:
    """Return a value as inline code, or nothing for nothing."""
    text = str(value)
    return f"`{text}`" if text else ""


def codes(values: Iterable[object]) -> str:
    """Return values as inline code, separated by commas."""
    return ", ".join(code(value) for value in values)


def block(text: str, language: str = "") -> str:
    """Return a code block."""
    return f"```{language}\n{text.strip()}\n```"
