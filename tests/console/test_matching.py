"""Matchers: read as amtool reads them, equal to RE2's meaning, and never slow."""

import contextlib
import json
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.clients.alertmanager import Matcher
from dexwatch.console.matching import LONGEST_TEXT, MatcherError, may_mute, mutes, parse
from tests.fakes import need


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('alertname="A", host=~"dex-.*"', ['alertname="A"', 'host=~"dex-.*"']),
        ('a="x,y"\nb!="z"', ['a="x,y"', 'b!="z"']),
        ("  a = x , b !~ y.+ ,", ['a="x"', 'b!~"y.+"']),
        ("{severity=P0}\n\n{host=dex-1,}", ['severity="P0"', 'host="dex-1"']),
        ('{\n a="x",\n b="y"\n}', ['a="x"', 'b="y"']),
    ],
)
def test_matchers_are_read_by_line_and_by_comma_outside_of_quotes(text, shown):
    assert [str(one) for one in parse(text)] == shown


# What Alertmanager's parser takes in UTF-8 mode, and what it makes of it (name, operator, value).
TAKEN = {
    "pool=busd": [("pool", "=", "busd")],
    "{pool=busd}": [("pool", "=", "busd")],
    "{pool=busd,}": [("pool", "=", "busd")],
    "x=y,pool!=busd,": [("x", "=", "y"), ("pool", "!=", "busd")],
    "pool=~[a-z]+": [("pool", "=~", "[a-z]+")],
    "{x=y,pool!~[a-z]+}": [("x", "=", "y"), ("pool", "!~", "[a-z]+")],
    "pool=\N{FOX FACE}": [("pool", "=", "\N{FOX FACE}")],
    '"prix moyen"="\u00e9lev\u00e9"': [("prix moyen", "=", "\u00e9lev\u00e9")],
    r'pool="\xf0\x9f\xa6\x8a"': [("pool", "=", "\N{FOX FACE}")],
    r'pool="\U0001f98a\u00e9\101"': [("pool", "=", "\N{FOX FACE}\u00e9A")],
    r'pool="one\ntwo\tthree"': [("pool", "=", "one\ntwo\tthree")],
    r'{said="\"hello\" \\ there"}': [("said", "=", '"hello" \\ there')],
    '{with-dashes = "x", b != "y z", }': [("with-dashes", "=", "x"), ("b", "!=", "y z")],
    'code=~"5..", b="a,b}"': [("code", "=~", "5.."), ("b", "=", "a,b}")],
    'a="x",b=""': [("a", "=", "x"), ("b", "=", "")],
}
REFUSED = [
    *(",", "{,}", "{", "}", "a=b}", "{a=b", "a", "a=", "=b", "a==b", "a=~~b", "{{a=b}", "a=b,,c=d"),
    *("a=b c=d", "a=b}}", '{a=:"b"}', 'a="b', 'a=b"', 'a=c"b', "a='b'", "a=`b`", r"a=b\n"),
    *(r'a="\w"', r'a="\xf0\x9f"', r'a="\x+1"', r'a="\u12"', r'a="\U00110000"', r'a="\ud800"'),
    *(r'a="\400"', '""="b"', '"a=b"', 'a="b"c'),
]


@pytest.mark.parametrize("text", TAKEN)
def test_what_alertmanager_takes_is_taken_and_means_the_same(text):
    signs = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}
    found = [(one.name, signs[one.is_equal, one.is_regex], one.value) for one in parse(text)]
    assert found == TAKEN[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_alertmanager_refuses_is_refused_with_the_remedy(text):
    with pytest.raises(MatcherError):
        parse(text)


@pytest.mark.parametrize("value", ["plain", "a b", "5..", "\u00e9", 'with "quotes"', "back\\slash"])
def test_the_installed_amtool_reads_what_we_write(value, tmp_path):
    amtool = need.program("amtool")
    matcher = Matcher("pool", value)
    config = tmp_path / "am.yml"
    route = {"receiver": "none", "routes": [{"receiver": "hit", "matchers": [str(matcher)]}]}
    config.write_text(
        json.dumps({"route": route, "receivers": [{"name": "none"}, {"name": "hit"}]})
    )
    checked = subprocess.run(
        [amtool, "check-config", config], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@given(st.text(min_size=1, max_size=40), st.text(max_size=100), st.booleans())
def test_what_a_matcher_shows_is_read_back(name, value, is_equal):
    matcher = Matcher(name, value, is_equal=is_equal)
    # Written so, it may stand in a form, in a link or in amtool's arguments.
    shown = str(matcher)
    with contextlib.suppress(UnicodeEncodeError):
        shown.encode()
        if len(shown) <= LONGEST_TEXT:
            assert parse(f'{shown},never_empty="x"')[0] == matcher


@given(st.text(max_size=LONGEST_TEXT))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(MatcherError):
        assert parse(text)


@given(st.text(alphabet='ab{}=!~,"\\xu0\n ', max_size=60))
def test_any_text_of_its_own_signs_is_read_or_refused(text):
    with contextlib.suppress(MatcherError):
        assert parse(text)


def test_expressions_are_anchored_and_a_missing_label_is_empty():
    assert mutes([Matcher("host", "dex|web", is_regex=True)], {"host": "web"})
    assert not mutes([Matcher("host", "dex|web", is_regex=True)], {"host": "web-1"})
    assert mutes([Matcher("host", "x.*", is_regex=True, is_equal=False)], {})


def test_a_matcher_on_an_unknown_label_narrows_only_when_it_names_something():
    rule = {"alertname": "ApiLatencyHigh"}
    for wide in ('host=~".+"', 'host!="dex-1",x=~".+"', 'alertname=~"Api.*"', 'host=~".*-.*"'):
        assert may_mute(parse(wide), rule)
    for narrow in ('host="dex-1"', 'host=~"dex-.*|web-.*"', 'alertname="Other"'):
        assert not may_mute(parse(narrow), rule)


@pytest.mark.parametrize("expression", ["(.|.)*!", "(a+)+b", "(a|a?)+b", "(.*)*(.*)*!"])
def test_no_expression_takes_more_than_linear_time(expression):
    labels = {"host": "a" * 20_000}
    began = time.thread_time()
    assert not mutes(parse(f'host=~"{expression}"'), labels)
    assert time.thread_time() - began < 1


@pytest.mark.parametrize("text", [",", " ", '"', "=", 'a="'])
def test_long_texts_are_refused_at_once(text):
    began = time.thread_time()
    with pytest.raises(MatcherError, match="At most 500"):
        parse(text * 60_000)
    assert time.thread_time() - began < 0.1


@pytest.mark.parametrize("expression", ["(", "(?=a)", "(a{500}){500}", r"\\"])
def test_what_is_no_expression_of_alertmanager_is_refused_with_the_reason(expression):
    with pytest.raises(MatcherError, match=r"is no regular expression: ."):
        parse(f'host=~"{expression}"')
