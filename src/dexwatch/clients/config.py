"""What an operator says of the platform's own database."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from dexwatch.config_model import ConfigModel
from dexwatch.metrics.business import BUSINESS_METRICS
from dexwatch.secret import LOGIN_ESCAPED


class QueryConfig(ConfigModel):
    """A read-only query: one row a series, column `value` and one column for each label."""

    metric: Annotated[
        str, Field(description="a business_* metric; business_query_value for your own")
    ]
    sql: Annotated[str, Field(min_length=1, max_length=10_000)]
    every_seconds: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    max_rows: Annotated[int, Field(ge=1, le=1_000)] = 100

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = {metric.name for metric in BUSINESS_METRICS}
        if self.metric not in known:
            raise ValueError(
                f"metric {self.metric!r} is unknown; known: {', '.join(sorted(known))}"
            )
        return self


class DatabaseConfig(ConfigModel):
    """The platform's own database (PostgreSQL), which we only read."""

    dsn: Annotated[SecretStr, LOGIN_ESCAPED]
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 3.0
    queries: Annotated[tuple[QueryConfig, ...], Field(max_length=100)] = ()
