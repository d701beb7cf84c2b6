"""What is wrong in a configuration file: where it stands, and what to do about it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake; `line` counts from 1 and is 0 where the mistake has no place in the file."""

    file: Path
    line: int
    key: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.key or 'file'}: {self.message}. {self.remedy}"


class SettingsError(Exception):
    """The configuration cannot be used; `problems` holds every mistake, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(sorted(problems))
