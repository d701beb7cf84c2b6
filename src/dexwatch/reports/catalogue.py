"""The rows that the product promises to cover, as typed values."""

from dataclasses import dataclass
from functools import cache
from importlib import resources

from ruamel.yaml import YAML


@dataclass(frozen=True)
class Row:
    """One promise; `id` never changes."""

    id: str
    kind: str
    text: str


@cache
def rows() -> tuple[Row, ...]:
    """Return all rows in the catalogue's order.

    Raises:
        ValueError: an id is there twice.
    """
    text = resources.files("dexwatch.reports").joinpath("catalogue.yml").read_text("utf-8")
    document = YAML(typ="safe", pure=True).load(text)
    found = tuple(
        Row(row_id, kind, words)
        for kind, section in document.items()
        for row_id, words in section.items()
    )
    ids = [row.id for row in found]
    twice = {row_id for row_id in ids if ids.count(row_id) > 1}
    if twice:
        raise ValueError(f"catalogue.yml names twice: {', '.join(sorted(twice))}")
    return found
