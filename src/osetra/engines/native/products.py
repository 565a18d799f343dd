"""Matrix products, by BLAS or by tiles as their size suits; BLAS is called directly, c := op(a) op(b) + beta c.

np.dot would do, but always overwrites c; adding to it lets a long product be split into pieces that BLAS's kernels for small matrices
take. The symbol called is the one that np.dot of Numba calls, so compiled code that uses it can be kept on disk.

Knows nothing of: layers.
"""

from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload
from numba.np.linalg import ensure_blas

from osetra.engines.native.kernel import AS_INLINED, inner
from osetra.engines.native.tiles import HAS_512_BITS, LANES, multiply_tiled, transpose

ensure_blas()


@cast("Any", intrinsic)
def _gemm(typing_context: Any, transpose_a: Any, transpose_b: Any, m: Any, n: Any, k: Any, a: Any, b: Any, c: Any, beta: Any) -> Any:
    """c [m, n] := a b + beta c with op(a) [m, k] and op(b) [k, n]; all C-contiguous and of one float type."""
    real = c.dtype
    kind = {types.float32: "s", types.float64: "d"}[real]
    signature = types.void(types.boolean, types.boolean, types.intp, types.intp, types.intp, a, b, c, real)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        char, word, pointer = ir.IntType(8), ir.IntType(cgutils.intp_t.width), ir.PointerType(ir.IntType(8))
        function_type = ir.FunctionType(
            ir.IntType(32), [char, char, char, word, word, word, pointer, pointer, word, pointer, word, pointer, pointer, word]
        )
        function = cgutils.get_or_insert_function(builder.module, function_type, "numba_xxgemm")
        ta, tb, rows, columns, depth, *arrays, factor = args

        def data(type_: Any, value: Any) -> Any:
            return builder.bitcast(context.make_array(type_)(context, builder, value).data, pointer)

        def slot(value: Any) -> Any:
            return builder.bitcast(cgutils.alloca_once_value(builder, value), pointer)

        def letter(transposed: Any) -> Any:
            return builder.select(_bit(builder, transposed), ir.Constant(char, ord("t")), ir.Constant(char, ord("n")))

        first, second, out = (data(sig.args[5 + at], array) for at, array in enumerate(arrays))
        # BLAS counts columns first, so it is asked for c^T = op(b)^T op(a)^T.
        builder.call(
            function,
            [
                ir.Constant(char, ord(kind)), letter(tb), letter(ta), columns, rows, depth,
                slot(context.get_constant(real, 1.0)), second, builder.select(_bit(builder, tb), depth, columns),
                first, builder.select(_bit(builder, ta), rows, depth), slot(factor), out, columns,
            ],
        )  # fmt: skip
        return context.get_dummy_value()

    return signature, generate


def _bit(builder: Any, value: Any) -> Any:
    return builder.trunc(value, ir.IntType(1)) if value.type.width > 1 else value


SMALL = 1_000_000
"""Multiply-adds up to which OpenBLAS takes its kernels for small matrices, which are up to 1.7 times as fast per operation."""
FEWEST_ROWS = 32
"""Pieces of fewer rows cost more than they gain."""
CACHED = 131_072
"""Elements of a weight matrix up to which tiles beat BLAS: 210 against 169 GFLOP/s at 128 x 128, 210 to 177 at 784 x 128, less beyond."""


@inner
def a_times_b(a, b, c):
    """c [n, units] := a [n, n_in] b [n_in, units]."""
    if b.size <= CACHED and _can_tile(c):
        multiply_tiled(a, b, c)
        return
    _gemm(False, False, c.shape[0], c.shape[1], a.shape[1], a, b, c, c.dtype.type(0.0))


@inner
def a_transposed_times_b(a, b, c):
    """c [n_in, units] := a^T b for a [n, n_in], b [n, units]; 105 x 128 at 256 rows: 38 us in pieces of 64, 55 us at once."""
    n, n_in = a.shape
    units = c.shape[1]
    piece = n
    while piece * n_in * units > SMALL and piece > FEWEST_ROWS:
        piece = (piece + 1) // 2
    if piece * n_in * units > SMALL:
        piece = n
    beta = c.dtype.type(0.0)
    for start in range(0, n, piece):
        stop = min(start + piece, n)
        _gemm(True, False, n_in, units, stop - start, a[start:stop], b[start:stop], c, beta)
        beta = c.dtype.type(1.0)


@inner
def a_times_b_transposed(a, b, c, room):
    """c [n, n_in] := a [n, units] b^T for b [n_in, units]; `room` holds at least b.size elements and is overwritten."""
    n_in, units = b.shape
    if b.size <= CACHED and _can_tile(c):
        b_transposed = room[: b.size].reshape(units, n_in)
        transpose(b, b_transposed)
        multiply_tiled(a, b_transposed, c)
        return
    _gemm(False, True, c.shape[0], n_in, units, a, b, c, c.dtype.type(0.0))


def _can_tile(c: Any) -> bool:
    """Whether tiles suit the type and the width of c; decided where the code is compiled for all but the width."""
    raise AssertionError("only for compiled code")


@overload(_can_tile, **AS_INLINED)
def _can_tile_overload(c):
    if HAS_512_BITS and c.dtype == types.float32:
        return lambda c: c.shape[1] % LANES == 0
    return lambda c: False
