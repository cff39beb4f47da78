"""QR codes, made here: an address as a picture of squares (ISO/IEC 18004, model 2).

Byte mode, error correction M (15 %), versions 1 to 10: 213 bytes, which is more than an address of
ours has. A matrix is rows of booleans, True for dark, without the quiet zone.
"""

from collections.abc import Callable, Iterator, Sequence

Matrix = list[list[bool]]

# ISO/IEC 18004 table 9, level M: version -> error codewords of a block, data codewords of each.
_BLOCKS: dict[int, tuple[int, tuple[int, ...]]] = {
    1: (10, (16,)),
    2: (16, (28,)),
    3: (26, (44,)),
    4: (18, (32, 32)),
    5: (24, (43, 43)),
    6: (16, (27, 27, 27, 27)),
    7: (18, (31, 31, 31, 31)),
    8: (22, (38, 38, 39, 39)),
    9: (22, (36, 36, 36, 37, 37)),
    10: (26, (43, 43, 43, 43, 44)),
}
# Annex E: centres of the alignment patterns.
_ALIGNMENT: dict[int, tuple[int, ...]] = {
    1: (), 2: (6, 18), 3: (6, 22), 4: (6, 26), 5: (6, 30), 6: (6, 34),
    7: (6, 22, 38), 8: (6, 24, 42), 9: (6, 26, 46), 10: (6, 28, 50),
}  # fmt: skip
_MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, _column: row % 2 == 0,
    lambda _row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)
_LIKE_FINDER = (
    (True, False, True, True, True, False, True, False, False, False, False),
    (False, False, False, False, True, False, True, True, True, False, True),
)
QUIET_ZONE = 4
"""Light modules around the code (§6.3.8)."""


def qr_matrix(text: str) -> Matrix:
    """The smallest code for a text, in the mask that reads best; ValueError when it is too long."""
    content = text.encode()
    version = next((one for one in _BLOCKS if len(content) <= _capacity(one)), None)
    if version is None:
        raise ValueError(f"{len(content)} bytes are too long for a QR code of version 10")
    codewords = _interleaved(_data(content, version), version)
    drawn = [_drawn(codewords, version, mask) for mask in range(len(_MASKS))]
    return min(drawn, key=_penalty)


def qr_path(matrix: Matrix) -> str:
    """The dark modules as the path of an SVG whose view box is `qr_size(matrix)` wide and high."""
    runs = []
    for y, row in enumerate(matrix):
        x = 0
        while x < len(row):
            if not row[x]:
                x += 1
                continue
            end = x
            while end < len(row) and row[end]:
                end += 1
            runs.append(f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h{end - x}v1h-{end - x}z")
            x = end
    return "".join(runs)


def qr_size(matrix: Matrix) -> int:
    """The width of the code with its quiet zone, in modules."""
    return len(matrix) + 2 * QUIET_ZONE


def _count_bits(version: int) -> int:
    return 8 if version < 10 else 16


def _capacity(version: int) -> int:
    return (sum(_BLOCKS[version][1]) * 8 - 4 - _count_bits(version)) // 8


def _data(content: bytes, version: int) -> bytes:
    """Mode, length, text, terminator and padding (§7.4)."""
    total = sum(_BLOCKS[version][1])
    width = _count_bits(version)
    value, length = 0b0100, 4
    value, length = value << width | len(content), length + width
    value = value << len(content) * 8 | int.from_bytes(content, "big")
    length += len(content) * 8
    padded = min(total * 8, length + 4)
    padded += -padded % 8
    filled = (value << padded - length).to_bytes(padded // 8, "big")
    rest = total - len(filled)
    return filled + (b"\xec\x11" * (rest // 2 + 1))[:rest]


def _interleaved(data: bytes, version: int) -> bytes:
    """The blocks with their error codewords, codeword by codeword (§7.6)."""
    errors, sizes = _BLOCKS[version]
    blocks, at = [], 0
    for size in sizes:
        blocks.append(data[at : at + size])
        at += size
    checks = [_error_codewords(block, errors) for block in blocks]
    mixed = [block[place] for place in range(max(sizes)) for block in blocks if place < len(block)]
    return bytes(mixed + [check[place] for place in range(errors) for check in checks])


def _powers() -> list[int]:
    """Powers of 2 in GF(256) with the polynomial 0x11d."""
    powers, value = [], 1
    for _ in range(255):
        powers.append(value)
        value <<= 1
        if value & 0x100:
            value ^= 0x11D
    return powers


_EXP = _powers()
_LOG = {value: power for power, value in enumerate(_EXP)}


def _times(one: int, other: int) -> int:
    return 0 if 0 in (one, other) else _EXP[(_LOG[one] + _LOG[other]) % 255]


def _error_codewords(block: bytes, count: int) -> bytes:
    """The remainder of the block by the generator of `count` roots (Reed-Solomon)."""
    generator = [1]
    for power in range(count):
        shifted = [*generator, 0]
        for place, factor in enumerate(generator):
            shifted[place + 1] ^= _times(factor, _EXP[power])
        generator = shifted
    remainder = [*block, *([0] * count)]
    for place in range(len(block)):
        lead = remainder[place]
        for offset, factor in enumerate(generator):
            remainder[place + offset] ^= _times(factor, lead)
    return bytes(remainder[len(block) :])


def _drawn(codewords: bytes, version: int, mask: int) -> Matrix:
    size = 17 + 4 * version
    fixed: dict[tuple[int, int], bool] = {}
    for row, column in ((0, 0), (0, size - 7), (size - 7, 0)):
        _finder(fixed, row, column, size)
    for place in range(8, size - 8):
        fixed[6, place] = fixed[place, 6] = place % 2 == 0
    _alignments(fixed, version, size)
    _format(fixed, mask, size)
    _version(fixed, version, size)
    bits = iter([byte >> shift & 1 == 1 for byte in codewords for shift in range(7, -1, -1)])
    matrix = [[fixed.get((row, column), False) for column in range(size)] for row in range(size)]
    for row, column in _places(size):
        if (row, column) not in fixed:
            matrix[row][column] = next(bits, False) ^ _MASKS[mask](row, column)
    return matrix


def _finder(fixed: dict[tuple[int, int], bool], top: int, left: int, size: int) -> None:
    for row in range(top - 1, top + 8):
        for column in range(left - 1, left + 8):
            if 0 <= row < size and 0 <= column < size:
                ring = max(abs(row - top - 3), abs(column - left - 3))
                fixed[row, column] = ring in (0, 1, 3)


def _alignments(fixed: dict[tuple[int, int], bool], version: int, size: int) -> None:
    centres = _ALIGNMENT[version]
    corners = {(6, 6), (6, size - 7), (size - 7, 6)}
    for row in centres:
        for column in centres:
            if (row, column) in corners:
                continue
            for down in range(-2, 3):
                for right in range(-2, 3):
                    fixed[row + down, column + right] = max(abs(down), abs(right)) != 1


def _format(fixed: dict[tuple[int, int], bool], mask: int, size: int) -> None:
    """Level M (00) and mask with their check bits, twice (§7.9)."""
    word = (mask << 10 | _remainder(mask << 10, 0x537)) ^ 0x5412
    bits = [word >> place & 1 == 1 for place in range(15)]
    column = [*range(6), 7, 8, *range(size - 7, size)]
    row = [*range(size - 1, size - 9, -1), 7, *range(5, -1, -1)]
    for place, bit in enumerate(bits):
        fixed[column[place], 8] = bit
        fixed[8, row[place]] = bit
    fixed[size - 8, 8] = True


def _version(fixed: dict[tuple[int, int], bool], version: int, size: int) -> None:
    """The version with its check bits, twice, from version 7 on (§7.10)."""
    if version < 7:
        return
    word = version << 12 | _remainder(version << 12, 0x1F25)
    for place in range(18):
        bit = word >> place & 1 == 1
        far, near = size - 11 + place % 3, place // 3
        fixed[near, far] = fixed[far, near] = bit


def _remainder(value: int, generator: int) -> int:
    while value.bit_length() >= generator.bit_length():
        value ^= generator << value.bit_length() - generator.bit_length()
    return value


def _places(size: int) -> Iterator[tuple[int, int]]:
    """Where codewords go: two columns at a time from the right, up and down (§7.7.3)."""
    is_up = True
    for right in (*range(size - 1, 6, -2), *range(5, 0, -2)):
        for step in range(size):
            row = size - 1 - step if is_up else step
            yield row, right
            yield row, right - 1
        is_up = not is_up


def _penalty(matrix: Matrix) -> int:
    """How badly a mask reads (§7.8.3): runs, blocks, false finders, too dark or too light."""
    lines: list[Sequence[bool]] = [*matrix, *zip(*matrix, strict=True)]
    score = sum(_runs(line) for line in lines)
    for above, below in zip(matrix, matrix[1:], strict=False):
        for place in range(len(above) - 1):
            if above[place] == above[place + 1] == below[place] == below[place + 1]:
                score += 3
    for line in lines:
        for place in range(len(line) - 10):
            if tuple(line[place : place + 11]) in _LIKE_FINDER:
                score += 40
    dark = sum(map(sum, matrix))
    total = len(matrix) ** 2
    return score + abs(dark * 20 - total * 10) // total * 10


def _runs(line: Sequence[bool]) -> int:
    score, run = 0, 1
    for before, after in zip(line, [*line[1:], None], strict=True):
        if before == after:
            run += 1
            continue
        if run >= 5:
            score += run - 2
        run = 1
    return score
