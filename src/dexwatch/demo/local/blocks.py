"""Whether Slack would accept a message's blocks.

The limits are those of Slack's Block Kit reference, as slack_sdk's model classes state them;
what those classes only warn about (unknown blocks and keys) and what they do not look at
(50 blocks, unique block ids, pictures that Slack cannot fetch) is added here.
"""

import ipaddress
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block

BLOCKS = 50
SECTION_FIELD = 2_000
BUTTON_TEXT = 75
ACTION_ELEMENTS = 25
CONTEXT_ELEMENTS = 10
BLOCK_ID = 255
URL = 3_000
_PLAIN_TEXT_ONLY = {"header"}

logging.getLogger("slack_sdk.models").setLevel(logging.ERROR)


def violations(blocks: object) -> tuple[str, ...]:
    """Return what Slack would find wrong with `blocks`, in its wording; empty when nothing."""
    if not isinstance(blocks, Sequence) or isinstance(blocks, str):
        return ("[ERROR] must be an array [json-pointer:/blocks]",)
    if len(blocks) > BLOCKS:
        return (f"[ERROR] no more than {BLOCKS} items allowed [json-pointer:/blocks]",)
    found: list[str] = []
    ids: set[str] = set()
    for index, block in enumerate(blocks):
        where = f"[json-pointer:/blocks/{index}]"
        if not isinstance(block, Mapping):
            found.append(f"[ERROR] must be an object {where}")
            continue
        found += [f"[ERROR] {violation} {where}" for violation in _block_violations(block)]
        identity = block.get("block_id")
        if isinstance(identity, str):
            if identity in ids:
                found.append(f"[ERROR] block_id {identity!r} is used twice {where}")
            ids.add(identity)
    return tuple(found)


def _block_violations(block: Mapping[str, Any]) -> list[str]:
    try:
        model = Block.parse(dict(block))
        if model is None:
            return [f"unsupported type: {block.get('type')}"]
        model.to_dict()
    except (SlackObjectFormationError, TypeError, ValueError, AttributeError, KeyError) as error:
        return [str(error) or type(error).__name__]
    extra = set(block) - model.attributes
    found = [f"additional property: {key}" for key in sorted(extra)]
    if len(str(block.get("block_id", ""))) > BLOCK_ID:
        found.append(f"block_id must be at most {BLOCK_ID} characters")
    return found + _own_violations(block)


def _own_violations(block: Mapping[str, Any]) -> list[str]:
    kind = block.get("type")
    found = _text_violations(block.get("text"), plain=kind in _PLAIN_TEXT_ONLY)
    for part in block.get("fields", ()):
        found += _text_violations(part)
        if len(str(part.get("text", ""))) > SECTION_FIELD:
            found.append(f"a field must be at most {SECTION_FIELD} characters")
    elements = block.get("elements", ())
    if kind == "actions":
        if not 1 <= len(elements) <= ACTION_ELEMENTS:
            found.append(f"an actions block holds 1 to {ACTION_ELEMENTS} elements")
        found += _action_violations(elements)
    if kind == "context" and not 1 <= len(elements) <= CONTEXT_ELEMENTS:
        found.append(f"a context block holds 1 to {CONTEXT_ELEMENTS} elements")
    accessory = block.get("accessory")
    for element in (*elements, *((accessory,) if accessory else ()), block):
        if isinstance(element, Mapping):
            found += _element_violations(element)
    return found


def _action_violations(elements: Sequence[Mapping[str, Any]]) -> list[str]:
    names = [element["action_id"] for element in elements if "action_id" in element]
    if len(names) != len(set(names)):
        return ["action_id must be unique within a block"]
    return []


def _element_violations(element: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    if element.get("type") == "button":
        text = element.get("text") or {}
        found += _text_violations(text, plain=True)
        if not 1 <= len(str(text.get("text", ""))) <= BUTTON_TEXT:
            found.append(f"a button's text has 1 to {BUTTON_TEXT} characters")
        if len(str(element.get("url", ""))) > URL:
            found.append(f"a url must be at most {URL} characters")
        if element.get("style") not in (None, "primary", "danger"):
            found.append("a button's style is primary or danger")
    if element.get("type") == "image":
        if not element.get("alt_text"):
            found.append("missing required field: alt_text")
        if "image_url" in element and not _reachable(str(element["image_url"])):
            found.append("downloading image failed [image_url]")
    return found


def _text_violations(text: object, *, plain: bool = False) -> list[str]:
    if text is None:
        return []
    if not isinstance(text, Mapping):
        return ["text must be a text object"]
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    found = [] if text.get("type") in kinds else [f"text type must be one of {', '.join(kinds)}"]
    if not text.get("text"):
        found.append("must be more than 0 characters [text]")
    return found


def _reachable(url: str) -> bool:
    # Slack's servers fetch the picture, so an address of this machine cannot work there.
    host = urlsplit(url).hostname
    if host is None or host == "localhost" or not url.startswith(("http://", "https://")):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return True
