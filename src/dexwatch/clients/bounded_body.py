"""Reads an answer's body within a bound that also holds for what a packed one unpacks to.

httpx unpacks each piece whole, through any number of encodings inside each other, and looks at the
length afterwards: four kilobytes of zeros that were packed twice become gigabytes in one step.
"""

import zlib
from collections.abc import Callable

import httpx

ACCEPTED = {"accept-encoding": "gzip"}
"""The header that goes with each request whose answer is read here."""

_GZIP = {"gzip", "x-gzip"}
_PLAIN = {"", "identity"}
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS

_Unpack = Callable[[bytes, int], bytes]
"""Returns what a piece unpacks to, and at most so many bytes of it."""


class BodyTooLongError(httpx.DecodingError):
    """A body above the bound; nothing of it is used."""


async def bounded_body(response: httpx.Response, most: int) -> bytes:
    """Return the body of a streamed answer, which has at most `most` bytes when it is unpacked.

    Raises:
        BodyTooLongError: it has more.
        httpx.DecodingError: it is packed in a way that was not asked for, or wrongly.
        httpx.HTTPError: the connection broke.
    """
    announced = response.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise BodyTooLongError(f"the answer is above {most} bytes", request=response.request)
    unpack = _unpacking(response)
    read = bytearray()
    async for part in response.aiter_raw():
        read += unpack(part, most + 1 - len(read))
        if len(read) > most:
            raise BodyTooLongError(f"the answer is above {most} bytes", request=response.request)
    return bytes(read)


def _unpacking(response: httpx.Response) -> _Unpack:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in _PLAIN:
        return lambda part, _: part
    if encoding not in _GZIP:
        raise httpx.DecodingError("the answer is not packed by gzip", request=response.request)
    stream = zlib.decompressobj(_WITH_GZIP_HEADER)

    def unpack(part: bytes, room: int) -> bytes:
        try:
            # Once it has ended the library would collect whatever follows.
            return b"" if stream.eof else stream.decompress(part, room)
        except zlib.error as error:
            raise httpx.DecodingError(str(error), request=response.request) from error

    return unpack
