"""What all parts of the settings have in common."""

import re

from pydantic import AfterValidator, BaseModel, ConfigDict


class ConfigModel(BaseModel):
    """A part of the settings: what it does not know is refused, and so is a number without end."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def form(pattern: re.Pattern[str], words: str) -> AfterValidator:
    """Return the check that a whole text matches a pattern; who breaks it is told the words.

    The words say how to write it, for a pattern says that to few.
    """

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(words)
        return text

    return AfterValidator(check)
