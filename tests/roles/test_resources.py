"""The incident store that cannot be opened is told with its setting."""

import contextlib
import traceback
from pathlib import Path

import pytest

from dexwatch.daemons.program import DaemonError
from dexwatch.roles.resources import open_needed_incidents
from dexwatch.settings import load

SESAME = "open-sesame"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"postgresql://bo:{SESAME}@127.0.0.1:1/dex", "connection failed"),
        (f"postgresql://bo:{SESAME}@127.0.0.1:1/dex?nope=1", "nope"),
        (f"postgresql://bo:{SESAME}@127.0.0.1:1/dex?sslmode=bogus", "bogus"),
        (f"postgresql://bo:{SESAME}@127.0.0.1:1/dex?port=99999", "99999"),
    ],
)
async def test_a_server_that_cannot_be_used_is_told_with_the_setting_and_without_secrets(
    tmp_path: Path, url: str, words: str
) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"name: a\nrespond: {{hook_token: {'h' * 32}}}\nstorage: {{url: '{url}'}}\n")
    async with contextlib.AsyncExitStack() as stack:
        with pytest.raises(DaemonError, match=words) as raised:
            await open_needed_incidents(stack, load(file))
    assert "`storage.url`" in str(raised.value)
    assert SESAME not in "".join(traceback.format_exception(raised.value))
