"""Block Kit's limits, at the last value that passes and the first that does not."""

import pytest

from dexwatch.demo.local.blocks import violations


def text(length: int, kind: str = "mrkdwn"):
    return {"type": kind, "text": "x" * length}


def section(length: int):
    return {"type": "section", "text": text(length)}


def fields(count: int, length: int = 5):
    return {"type": "section", "fields": [text(length)] * count}


def actions(count: int, length: int = 5):
    buttons = [
        {"type": "button", "action_id": f"a{n}", "text": text(length, "plain_text")}
        for n in range(count)
    ]
    return {"type": "actions", "elements": buttons}


def header(length: int):
    return {"type": "header", "text": text(length, "plain_text")}


def picture(url: str, alt: str = "graph"):
    return {"type": "image", "image_url": url, "alt_text": alt}


GOOD = [
    [section(3000)],
    [header(150)],
    [fields(10, 2000)],
    [actions(25, 75)],
    [{"type": "context", "elements": [text(3)] * 10}],
    [{"type": "divider"}] * 50,
    [picture("https://example.org/graph.png")],
    [],
]
BAD = [
    [section(3001)],
    [section(0)],
    [header(151)],
    [{"type": "header", "text": text(5)}],
    [fields(11)],
    [fields(1, 2001)],
    [actions(26)],
    [actions(0)],
    [actions(1, 76)],
    [{"type": "context", "elements": [text(3)] * 11}],
    [{"type": "divider"}] * 51,
    [{"type": "nonsense"}],
    [{"type": "divider", "colour": "red"}],
    [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}],
    [picture("https://example.org/graph.png", alt="")],
    [picture("http://127.0.0.1:8900/graph.png")],
    ["text"],
    "text",
]


@pytest.mark.parametrize("blocks", GOOD, ids=range(len(GOOD)))
def test_accepts(blocks):
    assert violations(blocks) == ()


@pytest.mark.parametrize("blocks", BAD, ids=range(len(BAD)))
def test_refuses(blocks):
    assert violations(blocks) != ()
