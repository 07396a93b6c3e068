"""Stages of Fourier transforms of all columns of a table at once.

A table holds complex numbers, row by row, in one array.
"""

import numpy as np
import numpy.typing as npt

from rechka.compiled import compiled

__all__ = ["IMAG", "ROW", "by_any", "by_five", "by_four"]

_Floats = npt.NDArray[np.float32]
_Complex = npt.NDArray[np.complex64]

# What is counted without a sign is used as an index without a test for negative ones,
# which would keep a processor from taking eight columns at once; so would rows of a
# length that is not known when this is compiled.
IMAG = np.uint64(64)
"""From the real parts of a row to its imaginary ones: most columns of a table."""

ROW = np.uint64(2) * IMAG
"""From one row to the next."""

_TWO = np.uint64(2)
_ROW_2, _ROW_3, _ROW_4 = np.uint64(2) * ROW, np.uint64(3) * ROW, np.uint64(4) * ROW
_COS_1, _COS_2 = np.cos(2 * np.pi * np.array([1, 2]) / 5).astype(np.float32)
_SIN_1, _SIN_2 = np.sin(2 * np.pi * np.array([1, 2]) / 5).astype(np.float32)


@compiled("void(f4[::1], f4[::1], u8, u8, u8, u8, c8[::1])")
def by_four(
    source: _Floats,
    target: _Floats,
    groups: int,
    batch: int,
    width: int,
    step: int,
    roots: _Complex,
) -> None:
    """Make one stage of the transform of each column, of radix 4.

    A stage of radix r takes rows that are rows / r apart, and writes r rows side by side,
    each times a root. So after all stages the lines are in another order.

    Args:
        source: The table.
        target: The result; another table of the same size.
        groups: rows / (4 x `batch`).
        batch: Product of the radices of the stages before.
        width: How many columns, rounded up to a number that a processor likes.
        step: From one root of the number of rows to the next.
        roots: As `FourierPlan` says.
    """
    leg = groups * batch * ROW
    a, y = np.uint64(0), np.uint64(0)
    place = np.uint64(0)
    for _group in range(groups):
        root_1, root_2, root_3 = roots[place], roots[_TWO * place], roots[place + _TWO * place]
        place += batch * step
        for _member in range(batch):
            b = a + leg
            c = b + leg
            d = c + leg
            for at in range(width):
                sum_real = source[a + at] + source[c + at]
                sum_imag = source[a + IMAG + at] + source[c + IMAG + at]
                difference_real = source[a + at] - source[c + at]
                difference_imag = source[a + IMAG + at] - source[c + IMAG + at]
                other_real = source[b + at] + source[d + at]
                other_imag = source[b + IMAG + at] + source[d + IMAG + at]
                # Times -i.
                turned_real = source[b + IMAG + at] - source[d + IMAG + at]
                turned_imag = source[d + at] - source[b + at]
                target[y + at] = sum_real + other_real
                target[y + IMAG + at] = sum_imag + other_imag
                real, imag = difference_real + turned_real, difference_imag + turned_imag
                target[y + ROW + at] = real * root_1.real - imag * root_1.imag
                target[y + ROW + IMAG + at] = real * root_1.imag + imag * root_1.real
                real, imag = sum_real - other_real, sum_imag - other_imag
                target[y + _ROW_2 + at] = real * root_2.real - imag * root_2.imag
                target[y + _ROW_2 + IMAG + at] = real * root_2.imag + imag * root_2.real
                real, imag = difference_real - turned_real, difference_imag - turned_imag
                target[y + _ROW_3 + at] = real * root_3.real - imag * root_3.imag
                target[y + _ROW_3 + IMAG + at] = real * root_3.imag + imag * root_3.real
            a += ROW
            y += _ROW_4


@compiled("void(f4[::1], f4[::1], u8, u8, u8, u8, c8[::1])")
def by_five(
    source: _Floats,
    target: _Floats,
    groups: int,
    batch: int,
    width: int,
    step: int,
    roots: _Complex,
) -> None:
    """Make one stage of the transform of each column, of radix 5; see `by_four`."""
    leg = groups * batch * ROW
    a, y = np.uint64(0), np.uint64(0)
    place = np.uint64(0)
    for _group in range(groups):
        root_1, root_2 = roots[place], roots[_TWO * place]
        root_3, root_4 = roots[place + _TWO * place], roots[_TWO * (_TWO * place)]
        place += batch * step
        for _member in range(batch):
            b = a + leg
            c = b + leg
            d = c + leg
            e = d + leg
            for at in range(width):
                be_real = source[b + at] + source[e + at]
                be_imag = source[b + IMAG + at] + source[e + IMAG + at]
                cd_real = source[c + at] + source[d + at]
                cd_imag = source[c + IMAG + at] + source[d + IMAG + at]
                b_e_real = source[b + at] - source[e + at]
                b_e_imag = source[b + IMAG + at] - source[e + IMAG + at]
                c_d_real = source[c + at] - source[d + at]
                c_d_imag = source[c + IMAG + at] - source[d + IMAG + at]
                a_real, a_imag = source[a + at], source[a + IMAG + at]
                target[y + at] = a_real + be_real + cd_real
                target[y + IMAG + at] = a_imag + be_imag + cd_imag
                even_real = a_real + _COS_1 * be_real + _COS_2 * cd_real
                even_imag = a_imag + _COS_1 * be_imag + _COS_2 * cd_imag
                # Times -i.
                odd_real = _SIN_1 * b_e_imag + _SIN_2 * c_d_imag
                odd_imag = -_SIN_1 * b_e_real - _SIN_2 * c_d_real
                real, imag = even_real + odd_real, even_imag + odd_imag
                target[y + ROW + at] = real * root_1.real - imag * root_1.imag
                target[y + ROW + IMAG + at] = real * root_1.imag + imag * root_1.real
                real, imag = even_real - odd_real, even_imag - odd_imag
                target[y + _ROW_4 + at] = real * root_4.real - imag * root_4.imag
                target[y + _ROW_4 + IMAG + at] = real * root_4.imag + imag * root_4.real
                even_real = a_real + _COS_2 * be_real + _COS_1 * cd_real
                even_imag = a_imag + _COS_2 * be_imag + _COS_1 * cd_imag
                odd_real = _SIN_2 * b_e_imag - _SIN_1 * c_d_imag
                odd_imag = _SIN_1 * c_d_real - _SIN_2 * b_e_real
                real, imag = even_real + odd_real, even_imag + odd_imag
                target[y + _ROW_2 + at] = real * root_2.real - imag * root_2.imag
                target[y + _ROW_2 + IMAG + at] = real * root_2.imag + imag * root_2.real
                real, imag = even_real - odd_real, even_imag - odd_imag
                target[y + _ROW_3 + at] = real * root_3.real - imag * root_3.imag
                target[y + _ROW_3 + IMAG + at] = real * root_3.imag + imag * root_3.real
            a += ROW
            y += _ROW_4 + ROW


@compiled("void(f4[::1], f4[::1], u8, u8, u8, u8, u8, c8[::1])")
def by_any(
    source: _Floats,
    target: _Floats,
    radix: int,
    groups: int,
    batch: int,
    width: int,
    step: int,
    roots: _Complex,
) -> None:
    """Make one stage of the transform of each column by its definition; see `by_four`."""
    legs = groups * batch
    size = np.uint64(len(roots))
    y = np.uint64(0)
    for group in range(groups):
        for member in range(batch):
            for line in range(radix):
                x = (group * batch + member) * ROW
                # Which root a leg is multiplied by.
                place = np.uint64(line * group * batch * step)
                for leg in range(radix):
                    root = roots[place]
                    place += line * legs * step
                    while place >= size:
                        place -= size
                    for at in range(width):
                        real, imag = source[x + at], source[x + IMAG + at]
                        if leg == 0:
                            target[y + at] = np.float32(0)
                            target[y + IMAG + at] = np.float32(0)
                        target[y + at] += real * root.real - imag * root.imag
                        target[y + IMAG + at] += real * root.imag + imag * root.real
                    x += legs * ROW
                y += ROW
