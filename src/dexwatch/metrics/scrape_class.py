"""How often a thing is scraped: the one division that rules, boards and scrape jobs share."""

from enum import StrEnum


class ScrapeClass(StrEnum):
    """From what costs money by the second to what is only looked at in hindsight."""

    CRITICAL = "critical"
    HIGH = "high"
    STANDARD = "standard"
    BUSINESS = "business"
    HISTORICAL = "historical"


CRITICAL, HIGH, STANDARD, BUSINESS, HISTORICAL = ScrapeClass
