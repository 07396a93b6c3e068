"""Loops in machine code, for what numpy cannot do in few calls.

A function is compiled when its module is imported, for the one signature that is
written with it, so that nothing is compiled while somebody waits for an answer. What
was compiled is kept on disk: beside the source, or where only the user may write, in
the user's cache folder (`NUMBA_CACHE_DIR` names another one). Where neither can be
written it is compiled anew in each process, which takes seconds.

It is kept as long as its own file stays what it is: whoever changes a number in one
module that a compiled function of another uses, removes `__pycache__`. Assignments element
by element are compiled in half the time that slices take.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba  # type: ignore[import-untyped, unused-ignore]

__all__ = ["compiled"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def compiled(signature: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Compile a function of numbers and arrays; it runs without Python's lock.

    Bounds are not checked, and a division by zero gives infinity, as in numpy.

    Args:
        signature: Types of result and arguments as numba writes them: `f4[::1]` is an
            array of 32-bit floats without gaps.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        try:
            return _compile(function, signature, is_kept=True)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            return _compile(function, signature, is_kept=False)

    return decorate


def _compile(function: Callable[_P, _R], signature: str, *, is_kept: bool) -> Callable[_P, _R]:
    decorate = numba.njit(signature, cache=is_kept, nogil=True, error_model="numpy")
    result: Callable[_P, _R] = decorate(function)
    return result
