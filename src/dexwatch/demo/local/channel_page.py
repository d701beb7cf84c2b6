"""The page that shows the fake Slack's messages about as Slack would."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from dexwatch.demo.local.message import Message
from dexwatch.demo.local.page import headers, moment, page

HEADERS = headers("img-src 'self' https:; base-uri 'none'")
_LINK = re.compile(
    r"&lt;(https?://[^|&<>\s]+(?:&amp;[^|&<>\s]+)*)(?:\|([^\n&]*(?:&(?!gt;|lt;)[^\n&]*)*))?&gt;"
)
_BOLD = re.compile(r"(?<![\w*])\*(?!\u2060)([^*\n]+)\*(?![\w*])")
_ITALIC = re.compile(r"(?<![\w_])_(?!\u2060)([^_\n]+)_(?![\w_])")
_FENCE = re.compile(r"```(.+?)```", re.DOTALL)
_CODE = re.compile(r"`(?!\u2060)([^`\n]+)`")

_DATE = re.compile(r"&lt;!date\^\d{1,12}\^[^|\n]{0,100}\|([^\n]{0,100}?)&gt;")
_ENTITY = re.compile(r"&amp;(amp|lt|gt);")
LEVELS = {
    "red_circle": "critical",
    "large_orange_circle": "warning",
    "eyes": "info",
    "large_blue_circle": "info",
    "white_check_mark": "ok",
}
"""The console's shapes for the emoji that dexwatch writes: not every machine can draw emoji."""
_EMOJI_NAME = re.compile(r":([a-z_]+):")

_STYLE = """
body { display: grid; grid-template-columns: 208px 1fr; min-height: 100vh }
nav { background: var(--card); border-right: 1px solid var(--line); padding: 16px 8px }
nav h1 { margin: 0 8px 14px } nav a { display: flex; justify-content: space-between; gap: 8px;
padding: 6px 8px; border-radius: 6px; color: var(--ink-2); font-weight: 500; font-size: 13.5px }
nav a[aria-current] { background: var(--sunken); color: var(--ink) }
main { width: 100%; margin: 0 } h2 { font-size: 17px; font-weight: 600 }
article { padding: 12px 16px; overflow-wrap: anywhere } article > header { font-weight: 600 }
article > header time { font-weight: 400; margin-left: 4px } article.reply { margin-left: 32px }
h3 { font-size: 15px; font-weight: 600; margin: 4px 0 } p { margin: 2px 0 }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 16px; margin: 6px 0 }
.context { color: var(--ink-2); font-size: 12.5px; margin: 4px 0 }
.button { display: inline-block; border: 1px solid var(--line); background: var(--raised);
color: var(--ink); border-radius: 6px; padding: 5px 12px; margin: 6px 6px 0 0; font-size: 13px;
font-weight: 500 } .primary { background: var(--accent); color: var(--accent-ink) }
.danger { background: var(--critical); color: var(--on-level) }
hr { border: 0; border-top: 1px solid var(--line) }
img { max-width: 100%; border-radius: 6px; margin-top: 6px }
code { background: var(--sunken); border-radius: 4px; padding: 0 4px }
.attachment { border-left: 3px solid var(--line); padding-left: 12px; margin-top: 4px }
@media (max-width: 600px) { body { display: block } .fields { grid-template-columns: 1fr }
nav { border-right: 0; border-bottom: 1px solid var(--line) } article.reply { margin-left: 16px } }
"""


def render(channels: Sequence[str], messages: Sequence[Message], chosen: str | None) -> str:
    """Return the page; it shows the chosen channel, or else that of the newest message."""
    newest = max(messages, key=lambda message: float(message.ts), default=None)
    here = newest.channel if newest is not None else channels[0]
    if chosen is not None and chosen in channels:
        here = chosen
    links = "".join(_channel_link(name, messages, here) for name in channels)
    shown = [message for message in messages if message.channel == here]
    # A reply stands below the message that it answers, as in Slack's threads.
    shown.sort(key=lambda message: (message.thread_ts or message.ts, message.ts))
    body = "".join(_message(message) for message in shown)
    if not shown:
        words = "No message yet. What dexwatch posts to this channel appears here."
        body = f"<p class='card lonely'>{words}</p>"
    return page(
        f"#{here} · sample Slack",
        f"<nav><h1>Sample Slack</h1>{links}</nav><main><h2># {escape(here)}</h2>{body}</main>",
        _STYLE,
    )


def _channel_link(name: str, messages: Sequence[Message], here: str) -> str:
    count = sum(message.channel == name for message in messages)
    current = " aria-current=page" if name == here else ""
    shown = escape(name)
    return f"<a href='?channel={shown}'{current}><span># {shown}</span> <b>{count}</b></a>"


def _message(message: Message) -> str:
    edited = " · edited" if message.edits else ""
    parts = [_block(block) for block in message.blocks] or [f"<p>{mrkdwn(message.text)}</p>"]
    for attachment in message.attachments:
        inner = "".join(_block(block) for block in attachment.get("blocks", ()))
        inner = inner or mrkdwn(str(attachment.get("text") or attachment.get("fallback") or ""))
        parts.append(f"<div class=attachment>{inner}</div>")
    parts += [f"<img src='/file/{escape(file)}' alt='uploaded picture'>" for file in message.files]
    kind = "card reply" if message.thread_ts else "card"
    at = moment(datetime.fromtimestamp(float(message.ts), UTC))
    return (
        f"<article class='{kind}'><header>dexwatch {at}<span class=quiet>{edited}</span></header>"
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
            return f"<p class=quiet>({escape(str(other))} block)</p>"


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
    text = escape(raw)
    text = _DATE.sub(r"<time>\1</time>", text)
    text = _LINK.sub(lambda m: f"<a href='{m[1]}' rel=noreferrer>{m[2] or m[1]}</a>", text)
    text = _EMOJI_NAME.sub(_emoji, text)
    text = _FENCE.sub(r"<pre>\1</pre>", text)
    text = _CODE.sub(r"<code>\1</code>", text)
    text = _BOLD.sub(r"<strong>\1</strong>", text)
    text = _ITALIC.sub(r"<em>\1</em>", text)
    # Writers escape &, < and > for Slack. Only now: what they wrote is no mark-up.
    return _ENTITY.sub(r"&\1;", text).replace("\n", "<br>")


def _emoji(name: re.Match[str]) -> str:
    level = LEVELS.get(name[1])
    return f"<i class='lv {level}' title='{name[0]}'></i>" if level else name[0]
