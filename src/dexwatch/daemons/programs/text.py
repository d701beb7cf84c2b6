"""How configuration files are written: YAML that a person can read."""

import io

from ruamel.yaml import YAML

HEAD = (
    "# Written by dexwatch from its own configuration; changes here are lost at the next start.\n"
)


def yaml(document: object) -> str:
    """Return the document as YAML in block style, with a line that says who wrote it."""
    writer = YAML()
    writer.default_flow_style = False
    writer.width = 10_000
    writer.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    writer.dump(document, stream)
    return HEAD + stream.getvalue()
