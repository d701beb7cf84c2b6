"""What all parts of the settings have in common."""

from pydantic import BaseModel, ConfigDict


class ConfigModel(BaseModel):
    """A part of the settings: what it does not know is refused, and so is a number without end."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
