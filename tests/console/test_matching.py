"""Matchers: read as they are written, equal to RE2's meaning, and never slow."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.clients.alertmanager import Matcher
from dexwatch.console.matching import LONGEST_TEXT, MatcherError, mutes, parse


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('alertname="A", host=~"dex-.*"', ['alertname="A"', 'host=~"dex-.*"']),
        ('a="x,y"\nb!="z"', ['a="x,y"', 'b!="z"']),
        ("  a = x ,, b !~ y.+ ", ['a="x"', 'b!~"y.+"']),
    ],
)
def test_matchers_are_read_by_line_and_by_comma_outside_of_quotes(text, shown):
    assert [str(one) for one in parse(text)] == shown


@given(st.text(max_size=LONGEST_TEXT))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(MatcherError):
        assert parse(text)


def test_expressions_are_anchored_and_a_missing_label_is_empty():
    assert mutes([Matcher("host", "dex|web", is_regex=True)], {"host": "web"})
    assert not mutes([Matcher("host", "dex|web", is_regex=True)], {"host": "web-1"})
    assert mutes([Matcher("host", "x.*", is_regex=True, is_equal=False)], {})


@pytest.mark.parametrize("expression", ["(.|.)*!", "(a+)+b", "(a|a?)+b", "(.*)*(.*)*!"])
def test_no_expression_takes_more_than_linear_time(expression):
    labels = {"host": "a" * 20_000}
    began = time.perf_counter()
    assert not mutes(parse(f'host=~"{expression}"'), labels)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize("text", [",", " ", '"', "=", 'a="'])
def test_long_texts_are_refused_at_once(text):
    began = time.perf_counter()
    with pytest.raises(MatcherError, match="At most 500"):
        parse(text * 60_000)
    assert time.perf_counter() - began < 0.1


@pytest.mark.parametrize("expression", ["(", "(?=a)", "(a{500}){500}", "\\"])
def test_what_is_no_expression_of_alertmanager_is_refused_with_the_reason(expression):
    with pytest.raises(MatcherError, match=r"is no regular expression: ."):
        parse(f"host=~{expression}")
