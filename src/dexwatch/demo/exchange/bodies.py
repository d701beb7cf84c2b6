"""What clients send to the exchange's API."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field


class Credentials(BaseModel):
    """E-mail address and password of a user."""

    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=200)]
    password: Annotated[str, Field(min_length=8, max_length=200)]


class TradeOrder(BaseModel):
    """What a user wants traded, measured in dollars."""

    pair: Annotated[str, Field(max_length=40)]
    side: Literal["buy", "sell"]
    usd: Annotated[float, Field(gt=0, le=100_000)]


class Payment(BaseModel):
    """Money that goes in or out."""

    kind: Literal["deposit", "withdrawal"]
    usd: Annotated[float, Field(gt=0, le=100_000)]


class Ticket(BaseModel):
    """A question to support."""

    subject: Annotated[str, Field(min_length=1, max_length=200)]


class Survey(BaseModel):
    """An answered survey."""

    score: Annotated[int, Field(ge=1, le=5)]
