"""What messages say and where they lead."""

import pytest

from dexwatch.incidents.notice import runbook_link

PUBLIC = "https://watch.example.org"


@pytest.mark.parametrize(
    ("given", "link"),
    [
        ("/runbooks/ApiUptimeLow", f"{PUBLIC}/runbooks/ApiUptimeLow"),
        (f"{PUBLIC}/runbooks/x", f"{PUBLIC}/runbooks/x"),
        ("https://wiki.example.org/dex/api", "https://wiki.example.org/dex/api"),
        ("https://WIKI.example.org/x", "https://WIKI.example.org/x"),
        ("", ""),
        ("https://evil.example/runbook", ""),
        ("//evil.example/x", ""),
        ("/\\evil.example/x", ""),
        ("https://watch.example.org.evil.example/", ""),
        ("https://watch.example.org@evil.example/", ""),
        ("https://wiki.example.org@evil.example/", ""),
        ("https://ana:pw@wiki.example.org/", ""),
        ("http://watch.example.org/runbooks/x", ""),
        ("javascript:alert(1)", ""),
        ("https://wiki.example.org/x\r\nBcc: a@b", ""),
        ("https://wiki.example.org/<x>", ""),
        ("https://wiki.example.org:port/", ""),
        ("https://[bad/", ""),
    ],
)
def test_only_our_own_and_listed_runbooks_are_linked(given: str, link: str) -> None:
    assert runbook_link(given, PUBLIC, ["wiki.example.org"]) == link


def test_without_an_address_of_ours_a_path_leads_nowhere() -> None:
    assert runbook_link("/runbooks/x", "") == ""
    assert runbook_link("https://wiki.example.org/", "", ["Wiki.example.org"]) != ""
