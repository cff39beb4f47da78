"""QR codes, read back by a reader that is written from the standard."""

import pytest

from cariflex.common.qr import qr_matrix, qr_path, qr_size

# Format information of level M by mask (ISO/IEC 18004 table C.1: data 00000 to 00111).
FORMATS = {
    0x5412: 0, 0x5125: 1, 0x5E7C: 2, 0x5B4B: 3, 0x45F9: 4, 0x40CE: 5, 0x4F97: 6, 0x4AA0: 7,
}  # fmt: skip
MASKS = [
    lambda i, j: (i + j) % 2, lambda i, j: i % 2, lambda i, j: j % 3, lambda i, j: (i + j) % 3,
    lambda i, j: (i // 2 + j // 3) % 2, lambda i, j: i * j % 2 + i * j % 3,
    lambda i, j: (i * j % 2 + i * j % 3) % 2, lambda i, j: ((i + j) % 2 + i * j % 3) % 2,
]  # fmt: skip
# Blocks of level M (table 9): how many, error codewords each.
BLOCKS = {21: (1, 10), 25: (1, 16), 29: (1, 26), 33: (2, 18), 37: (2, 24)}
TEXT = "https://guadeloupe.localhost/charge/CS-001/1/"


def mask_of(matrix: list[list[bool]]) -> int:
    cells = [(8, c) for c in (0, 1, 2, 3, 4, 5, 7, 8)] + [(r, 8) for r in (7, 5, 4, 3, 2, 1, 0)]
    word = int("".join(str(int(matrix[r][c])) for r, c in cells), 2)
    return FORMATS[word]


def is_function(row: int, column: int, size: int) -> bool:
    """True for what carries no codeword; versions 1 to 6."""
    if row == 6 or column == 6:
        return True
    if row < 9 and (column < 9 or column >= size - 8) or row >= size - 8 and column < 9:
        return True
    centre = size - 7
    return size > 21 and abs(row - centre) <= 2 and abs(column - centre) <= 2


def codewords_of(matrix: list[list[bool]]) -> list[int]:
    size, mask = len(matrix), MASKS[mask_of(matrix)]
    bits, is_up = [], True
    for right in [c for c in range(size - 1, 0, -2) if c > 6] + [5, 3, 1]:
        for row in range(size - 1, -1, -1) if is_up else range(size):
            for column in (right, right - 1):
                if not is_function(row, column, size):
                    bits.append(int(matrix[row][column]) ^ (mask(row, column) == 0))
        is_up = not is_up
    return [int("".join(map(str, bits[n : n + 8])), 2) for n in range(0, len(bits) - 7, 8)]


def power(exponent: int) -> int:
    value = 1
    for _ in range(exponent):
        value = value << 1 ^ (0x11D if value & 0x80 else 0)
    return value


def times(one: int, other: int) -> int:
    product = 0
    while other:
        product ^= one if other & 1 else 0
        one = one << 1 ^ (0x11D if one & 0x80 else 0)
        other >>= 1
    return product


@pytest.mark.parametrize("length", [1, 13, 14, 15, 26, 27, 42, 62, 84])
def test_a_code_reads_back_and_its_check_codewords_hold(length: int) -> None:
    text = (TEXT * 3)[:length]
    matrix = qr_matrix(text)

    codewords = codewords_of(matrix)
    blocks, errors = BLOCKS[len(matrix)]
    total = len(codewords) // blocks
    parted = [codewords[one::blocks][:total] for one in range(blocks)]

    for block in parted:
        for root in range(errors):
            value = 0
            for codeword in block:
                value = times(value, power(root)) ^ codeword
            assert value == 0, "a syndrome of Reed-Solomon"
    data = b"".join(bytes(block[: total - errors]) for block in parted)
    number = int.from_bytes(data, "big") >> 4
    assert data[0] >> 4 == 4, "byte mode"
    shifted = number.to_bytes(len(data), "big")[1:]
    assert (data[0] & 15) << 4 | data[1] >> 4 == length
    assert shifted[1 : 1 + length].decode() == text


def test_versions_grow_and_end_at_213_bytes() -> None:
    assert [len(qr_matrix("x" * n)) for n in (14, 15, 122, 213)] == [21, 25, 45, 57]
    with pytest.raises(ValueError, match="214 bytes"):
        qr_matrix("x" * 214)


def test_the_path_has_a_quiet_zone_of_four_modules() -> None:
    matrix = qr_matrix("x")

    assert qr_size(matrix) == 29
    assert qr_path(matrix).startswith("M4 4h7v1h-7z")
