"""Products of small float32 matrices on processors with 512-bit vectors: c := a b, tile by tile, without packing.

A tile of c, 6 rows by 64 columns, stays in 24 vector registers while k runs; a step of k loads four vectors of b and multiplies them by
six elements of a. That suits matrices that lie in the core's own cache, where a BLAS spends its time on packing and dispatch.
Which products go here and which to BLAS is decided in `products`, where the measurements are.

Knows nothing of: layers.
"""

from typing import Any

from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from osetra.engines.native.kernel import inner

LANES = 16
FLOAT_BYTES = 4
HAS_512_BITS = bool(binding.get_host_cpu_features().get("avx512f", False))

_VECTOR = ir.VectorType(ir.FloatType(), LANES)
_FLOAT_POINTER = ir.PointerType(ir.FloatType())


def _make_tile(rows: int, vectors: int) -> Any:
    """A compiled tile of `rows` by 16 `vectors`.

    Called with addresses of its first elements of a, b, c; rows of a are `a_row` elements apart, rows of b and c `columns`.
    """

    @intrinsic
    def tile(_context: Any, a: Any, a_row: Any, b: Any, columns: Any, c: Any, depth: Any) -> Any:
        def generate(_target: Any, builder: Any, _signature: Any, args: Any) -> Any:
            a, a_row, b, columns, c, depth = args
            a, b, c = (builder.inttoptr(address, _FLOAT_POINTER) for address in (a, b, c))

            def vector_at(pointer: Any, offset: Any) -> Any:
                return builder.bitcast(builder.gep(pointer, [offset]), ir.PointerType(_VECTOR))

            def lane(at: int) -> Any:
                return ir.Constant(a_row.type, at * LANES)

            fused = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fma.v{LANES}f32")
            zero = ir.Constant(_VECTOR, None)
            sums = [[cgutils.alloca_once_value(builder, zero) for _ in range(vectors)] for _ in range(rows)]
            starts = [builder.mul(a_row, ir.Constant(a_row.type, i)) for i in range(rows)]
            with cgutils.for_range(builder, depth) as loop:
                at_b = builder.mul(loop.index, columns)
                row_of_b = [builder.load(vector_at(b, builder.add(at_b, lane(j))), align=4) for j in range(vectors)]
                for i in range(rows):
                    element = builder.load(builder.gep(a, [builder.add(loop.index, starts[i])]))
                    first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), element, ir.Constant(ir.IntType(32), 0))
                    spread = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))
                    for j in range(vectors):
                        builder.store(builder.call(fused, [spread, row_of_b[j], builder.load(sums[i][j])]), sums[i][j])
            for i in range(rows):
                for j in range(vectors):
                    offset = builder.add(builder.mul(columns, ir.Constant(columns.type, i)), lane(j))
                    builder.store(builder.load(sums[i][j]), vector_at(c, offset), align=4)
            return ir.Constant(ir.IntType(8).as_pointer(), None)

        return types.void(*(types.intp,) * 6), generate

    return tile


def _make_panel(rows: int, vectors: int) -> Any:
    """All rows of a panel of 16 `vectors` columns of c, in tiles of `rows`, then of 4, then of 1."""
    most, four, one = (_make_tile(count, vectors) for count in (rows, 4, 1))

    @inner
    def panel(a, b, c, total, depth, columns):
        i = 0
        while i + rows <= total:
            most(a + i * depth * FLOAT_BYTES, depth, b, columns, c + i * columns * FLOAT_BYTES, depth)
            i += rows
        while i + 4 <= total:
            four(a + i * depth * FLOAT_BYTES, depth, b, columns, c + i * columns * FLOAT_BYTES, depth)
            i += 4
        while i < total:
            one(a + i * depth * FLOAT_BYTES, depth, b, columns, c + i * columns * FLOAT_BYTES, depth)
            i += 1

    return panel


_panel_64 = _make_panel(6, 4)
_panel_32 = _make_panel(8, 2)
_panel_16 = _make_panel(8, 1)


@inner
def multiply_tiled(a, b, c):
    """c [rows, columns] := a [rows, depth] b [depth, columns], all float32 and C-contiguous; columns a multiple of 16."""
    rows, columns = c.shape
    depth = b.shape[0]
    j = 0
    while j < columns:
        at_b, at_c = b.ctypes.data + j * FLOAT_BYTES, c.ctypes.data + j * FLOAT_BYTES
        if j + 4 * LANES <= columns:
            _panel_64(a.ctypes.data, at_b, at_c, rows, depth, columns)
            j += 4 * LANES
        elif j + 2 * LANES <= columns:
            _panel_32(a.ctypes.data, at_b, at_c, rows, depth, columns)
            j += 2 * LANES
        else:
            _panel_16(a.ctypes.data, at_b, at_c, rows, depth, columns)
            j += LANES


@inner
def transpose(a, out):
    """out [columns, rows] := a^T for a [rows, columns], in blocks of 16 by 16: 128 x 128 takes 5 us so, 27 us in plain loops."""
    rows, columns = a.shape
    for i in range(0, rows, LANES):
        for j in range(0, columns, LANES):
            for q in range(j, min(j + LANES, columns)):
                for p in range(i, min(i + LANES, rows)):
                    out[q, p] = a[p, q]
