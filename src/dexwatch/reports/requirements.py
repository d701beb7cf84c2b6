"""The requirements that the product promises to meet, as typed values."""

from dataclasses import dataclass
from functools import cache
from importlib import resources

from ruamel.yaml import YAML


@dataclass(frozen=True)
class Requirement:
    """One promise; `id` never changes."""

    id: str
    kind: str
    text: str
    gap: str = ""
    """What of it is not built, in plain words; with a gap it is never proved."""


@cache
def requirements() -> tuple[Requirement, ...]:
    """Return all requirements in the list's order.

    Raises:
        ValueError: an id is there twice.
    """
    text = resources.files("dexwatch.reports").joinpath("requirements.yml").read_text("utf-8")
    document = YAML(typ="safe", pure=True).load(text)
    found = tuple(
        _requirement(each, kind, said)
        for kind, section in document.items()
        for each, said in section.items()
    )
    ids = [requirement.id for requirement in found]
    twice = {each for each in ids if ids.count(each) > 1}
    if twice:
        raise ValueError(f"requirements.yml names twice: {', '.join(sorted(twice))}")
    return found


def _requirement(each: str, kind: str, said: str | dict[str, str]) -> Requirement:
    if isinstance(said, str):
        return Requirement(each, kind, said)
    return Requirement(each, kind, said["text"], said["gap"])
