"""What may be told of a database's error: logs and pages must not show what its tables hold."""

_TELLING = frozenset({"0A", "25", "28", "3D", "3F", "42", "53", "54", "55", "57", "58"})
"""Classes of SQLSTATE whose first line names statements, rights and limits, and no values.

Those left out quote what was read or written: data (22), constraints (23), what a function of the
platform raises (P0), and what nobody knows.
"""
_LONGEST = 200


def told(error: BaseException) -> str:
    """Return the error's name, its SQLSTATE, and its first line where that can hold no value.

    `error` is a driver's. What has no SQLSTATE is said by the driver itself, which quotes values
    in a `DataError` only. DETAIL, HINT and CONTEXT are never told.
    """
    name, state = type(error).__name__, getattr(error, "sqlstate", None)
    if state is None:
        said = "" if name == "DataError" else _first_line(str(error))
        return said or name
    diagnosis = getattr(error, "diag", None)
    name = f"{name}, SQLSTATE {state}"
    # A function of the platform may build a statement of values; only then there is a context.
    within = getattr(diagnosis, "context", None)
    if state[:2] in _TELLING and not within:
        said = getattr(diagnosis, "message_primary", None) or str(error)
        return f"{_first_line(said)} ({name})"
    broken = getattr(diagnosis, "constraint_name", None) or getattr(diagnosis, "column_name", None)
    return f"{name} at {broken}" if broken else f"{name}; the server's log says more"


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:_LONGEST]
