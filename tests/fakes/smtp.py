"""A mail server that answers by script, where a real one cannot be brought to do so."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

_USUAL = {
    "greeting": "220 test",
    "EHLO": "250-test\r\n250 AUTH PLAIN LOGIN",
    "AUTH": "235 fine",
    "DATA": "354 go",
    "QUIT": "221 bye",
}


@asynccontextmanager
async def scripted(
    script: Mapping[str, str],
    seen: list[str],
    *,
    slow: Mapping[str, float] | None = None,
    held: Mapping[str, asyncio.Event] | None = None,
) -> AsyncIterator[str]:
    """Yield the server's address.

    `script` tells the reply by verb, with `greeting` before the first and `end` for the final dot;
    `drop` cuts the connection. `slow` tells the seconds before a reply, `held` what it waits for.
    `seen` gets the verbs.
    """

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def say(verb: str) -> str:
            await asyncio.sleep((slow or {}).get(verb, 0))
            if held and verb in held:
                await held[verb].wait()
            reply = script.get(verb, _USUAL.get(verb, "250 ok"))
            if reply != "drop":
                writer.write(f"{reply}\r\n".encode())
                await writer.drain()
            return reply

        try:
            reply = await say("greeting")
            while reply != "drop" and (line := await reader.readline()):
                verb = line.decode("latin-1").split()[0].upper()
                seen.append(verb)
                reply = await say(verb)
                if verb == "DATA" and reply.startswith("354"):
                    while (await reader.readline()) not in (b".\r\n", b""):
                        pass
                    seen.append("end")
                    reply = await say("end")
        except ConnectionError:
            pass  # The client has given up, as some tests want it to.
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
