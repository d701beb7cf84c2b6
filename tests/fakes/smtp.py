"""A mail server that answers by script, where a real one cannot be brought to do so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def scripted(script: dict[str, str], seen: list[str]) -> AsyncIterator[str]:
    """Yield the address; `script` tells the reply by verb, `drop` cuts the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        in_data = False

        async def say(reply: str) -> bool:
            if reply == "drop":
                return False
            writer.write(f"{reply}\r\n".encode())
            await writer.drain()
            return True

        going = await say(script.get("greeting", "220 test"))
        while going and (line := (await reader.readline()).decode("latin-1").rstrip("\r\n")) != "":
            if in_data and line != ".":
                continue
            verb = "end" if in_data else line.split(" ")[0].upper()
            in_data = False
            seen.append(verb)
            usual = {"EHLO": "250-test\r\n250 AUTH PLAIN LOGIN", "DATA": "354 go"}
            usual |= {"AUTH": "235 fine", "QUIT": "221 bye"}
            reply = script.get(verb, usual.get(verb, "250 ok"))
            in_data = verb == "DATA" and reply.startswith("354")
            going = await say(reply)
            while in_data and going:
                line = (await reader.readline()).decode("latin-1").rstrip("\r\n")
                if line == ".":
                    seen.append("end")
                    in_data = False
                    going = await say(script.get("end", "250 ok"))
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
