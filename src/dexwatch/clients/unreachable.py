"""Why no connection came about, and what an operator can do.

Only kinds of errors are told, never their texts: these may hold an address, and it a key.
"""

import socket
import ssl

_EXPIRED, _NOT_YET = 10, 9
_OTHER_NAME = frozenset({62, 64})
"""Verification results of OpenSSL (x509_vfy.h): the host or the IP address does not match."""
_LINKS = 8

_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "it does not speak TLS there: check address, port and tls"),
    (socket.gaierror, "its name is not known: check the address, and this machine's DNS"),
    (ConnectionRefusedError, "nothing listens there: check address and port"),
    (ConnectionResetError, "it hangs up: check address and port"),
    (TimeoutError, "it does not answer: check address, port, firewall and DNS"),
)


def why(error: BaseException) -> str:
    """Return the reason with its remedy, or the error's kind where there is none."""
    chain: list[BaseException] = []
    ahead = [error]
    while ahead and len(chain) < _LINKS:
        chain.append(link := ahead.pop(0))
        # Of a host with addresses of both families each may have refused.
        ahead += link.exceptions if isinstance(link, BaseExceptionGroup) else ()
        ahead += [cause] if (cause := link.__cause__ or link.__context__) else ()
    for link in chain:
        if isinstance(link, ssl.SSLCertVerificationError):
            return _certificate(link.verify_code)
    for kind, said in _KINDS:
        if any(isinstance(link, kind) for link in chain):
            return said
    return type(error).__name__


def _certificate(result: int) -> str:
    if result == _EXPIRED:
        return "its certificate has expired: renew it, or set this machine's clock"
    if result == _NOT_YET:
        return "its certificate is not valid yet: set this machine's clock"
    if result in _OTHER_NAME:
        return "its certificate is for another name: check the address"
    return "its certificate is not trusted: add who signed it to this machine's authorities"
