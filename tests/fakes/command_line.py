"""The command line as tests call it, and the smallest configuration that it takes."""

from pathlib import Path

from typer.testing import CliRunner

SMALLEST = "name: ana-dex\nrespond: {hook_token: a-token-that-is-long-enough}\n"

run = CliRunner().invoke


def config(folder: Path, text: str) -> str:
    file = folder / "dexwatch.yml"
    file.write_text(text)
    return str(file)
