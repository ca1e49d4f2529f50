"""What SQLite and the file system complain of, in the words of the port."""

from __future__ import annotations

import errno

import apsw

from antiphon.core.errors import IllegalTransition
from antiphon.ports import StoreDown, StoreFull

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def in_port_words(error: BaseException) -> BaseException:
    """The error to raise to a caller of the store; the original where the port has no word for it."""
    told = _translate(error)
    if told is not error:
        told.__cause__ = error
    return told


def _translate(error: BaseException) -> BaseException:
    match error:
        case apsw.FullError():
            return StoreFull("no room: the disk of the database is full")
        case apsw.BusyError() | apsw.LockedError():
            return StoreDown("another process has held the database locked for longer than busy_timeout_s")
        case apsw.CorruptError() | apsw.NotADBError():
            return StoreDown(f"the database file is damaged or not a SQLite database: {error}")
        case apsw.ConstraintError():
            return IllegalTransition(f"an id is stored twice: {error}")
        case apsw.ReadOnlyError() | apsw.CantOpenError() | apsw.PermissionsError() | apsw.IOError():
            return StoreDown(f"the database file cannot be opened, read or written: {error}")
        case OSError() if error.errno in _NO_SPACE:
            return StoreFull("no room: the disk of the blobs is full")
        case OSError():
            return StoreDown(f"a file of the store cannot be used: {error}")
        case _:
            return error
