"""The page that shows the fake Slack's messages about as Slack would."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dexwatch.demo.local.message import Message
from dexwatch.demo.local.page import headers, page

HEADERS = headers("img-src 'self' https:; base-uri 'none'")
_LINK = re.compile(
    r"&lt;(https?://[^|&<>\s]+(?:&amp;[^|&<>\s]+)*)(?:\|([^\n&]*(?:&(?!gt;|lt;)[^\n&]*)*))?&gt;"
)
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_ITALIC = re.compile(r"(?<![\w_])_([^_\n]+)_(?![\w_])")
_FENCE = re.compile(r"```(.+?)```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")

_STYLE = """
body { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; min-height: 100vh }
nav { background: #3f0e40; color: #fff; padding: 1rem } nav h1 { font-size: 1rem; margin: 0 0 1rem }
nav a { display: block; color: #e8dfe8; text-decoration: none; padding: .25rem .5rem;
border-radius: 6px } nav a[aria-current] { background: #1164a3; color: #fff }
main { padding: 1rem; min-width: 0 }
article { padding: .6rem 0; border-bottom: 1px solid var(--line) }
article header { font-weight: 600 } article.reply { margin-left: 2rem }
time, .note { font-weight: 400; opacity: .65; font-size: .85em }
h2 { font-size: 1.15rem; margin: .5rem 0 } h3 { font-size: 1.05rem; margin: .4rem 0 }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: .3rem 1rem } .context { opacity: .75;
font-size: .88em } .button { display: inline-block; border: 1px solid var(--line); color: inherit;
border-radius: 6px; padding: .2rem .7rem; margin: .2rem .4rem .2rem 0; text-decoration: none }
.primary { background: #007a5a; color: #fff } .danger { background: #e01e5a; color: #fff }
img { max-width: 100% } code, pre { background: color-mix(in srgb, CanvasText 8%, Canvas);
border-radius: 4px; padding: 0 .25em; overflow-wrap: anywhere; white-space: pre-wrap }
.attachment { border-left: 4px solid var(--line); padding-left: .8rem }
@media (max-width: 600px) { body { display: block } .fields { grid-template-columns: 1fr } }
"""


def render(channels: Sequence[str], messages: Sequence[Message], chosen: str | None) -> str:
    """Return the page; it shows the chosen channel, or else the first, newest message last."""
    here = chosen if chosen is not None and chosen in channels else channels[0]
    links = "".join(_channel_link(name, messages, here) for name in channels)
    shown = [message for message in messages if message.channel == here]
    body = "".join(_message(message) for message in shown)
    if not shown:
        body = "<p class=note>No message yet. What dexwatch posts to this channel appears here.</p>"
    return page(
        f"#{here} · sample Slack",
        f"<nav><h1>Sample Slack</h1>{links}</nav><main><h2># {escape(here)}</h2>{body}</main>",
        _STYLE,
    )


def _channel_link(name: str, messages: Sequence[Message], here: str) -> str:
    count = sum(message.channel == name for message in messages)
    current = " aria-current=page" if name == here else ""
    return f"<a href='?channel={escape(name)}'{current}># {escape(name)} ({count})</a>"


def _message(message: Message) -> str:
    edited = " · edited" if message.edits else ""
    parts = [_block(block) for block in message.blocks] or [f"<p>{mrkdwn(message.text)}</p>"]
    for attachment in message.attachments:
        inner = "".join(_block(block) for block in attachment.get("blocks", ()))
        inner = inner or mrkdwn(str(attachment.get("text") or attachment.get("fallback") or ""))
        parts.append(f"<div class=attachment>{inner}</div>")
    parts += [f"<img src='/file/{escape(file)}' alt='uploaded picture'>" for file in message.files]
    kind = " class=reply" if message.thread_ts else ""
    return (
        f"<article{kind}><header>dexwatch <time>{escape(message.ts)}{edited}</time></header>"
        f"{''.join(parts)}</article>"
    )


def _block(block: Mapping[str, Any]) -> str:
    match block.get("type"):
        case "header":
            return f"<h3>{_text(block.get('text'))}</h3>"
        case "section":
            cells = "".join(f"<div>{_text(part)}</div>" for part in block.get("fields", ()))
            grid = f"<div class=fields>{cells}</div>" if cells else ""
            return f"<div>{_text(block.get('text'))}{grid}{_element(block.get('accessory'))}</div>"
        case "context":
            inner = " ".join(_element(part) or _text(part) for part in block.get("elements", ()))
            return f"<div class=context>{inner}</div>"
        case "actions":
            return f"<div>{''.join(_element(part) for part in block.get('elements', ()))}</div>"
        case "image":
            return _element(block)
        case "divider":
            return "<hr>"
        case other:
            return f"<p class=note>({escape(str(other))} block)</p>"


def _element(element: Mapping[str, Any] | None) -> str:
    if not element:
        return ""
    if element.get("type") == "image":
        alt = escape(str(element.get("alt_text", "")))
        file = element.get("slack_file", {}).get("id")
        source = f"/file/{file}" if file else str(element.get("image_url", ""))
        return f"<img src='{escape(source)}' alt='{alt}'>"
    if element.get("type") == "button":
        style = escape(str(element.get("style", "")))
        label, url = _text(element.get("text")), str(element.get("url", ""))
        if url.startswith(("http://", "https://")):
            link = f"href='{escape(url)}' rel=noreferrer"
            return f"<a class='button {style}' {link}>{label}</a>"
        return f"<span class='button {style}'>{label}</span>"
    return ""


def _text(text: Mapping[str, Any] | None) -> str:
    if not text or "text" not in text:
        return ""
    raw = str(text["text"])
    return mrkdwn(raw) if text.get("type") == "mrkdwn" else escape(raw).replace("\n", "<br>")


def mrkdwn(raw: str) -> str:
    """Return Slack's mrkdwn as HTML; everything that is not its mark-up is escaped."""
    # Writers escape &, < and > for Slack, so these entities are undone once before HTML escaping.
    text = escape(raw.replace("&amp;", "&"), quote=True)
    text = text.replace("&amp;lt;", "&lt;").replace("&amp;gt;", "&gt;")
    text = _LINK.sub(lambda m: f"<a href='{m[1]}' rel=noreferrer>{m[2] or m[1]}</a>", text)
    text = _FENCE.sub(r"<pre>\1</pre>", text)
    text = _CODE.sub(r"<code>\1</code>", text)
    text = _BOLD.sub(r"<strong>\1</strong>", text)
    text = _ITALIC.sub(r"<em>\1</em>", text)
    return text.replace("\n", "<br>")
