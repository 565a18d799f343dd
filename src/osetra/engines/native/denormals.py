"""Treats numbers too small for a normal float as zero while compiled code runs, and restores what was.

Moments of units that get no gradient decay by a factor a step until they are denormal, and from then on each operation on them takes
some hundred cycles: a batch-norm gradient full of them took 224 us where 8 us is usual. x86 has a switch (MXCSR bits FTZ and DAZ);
elsewhere nothing is done.

Knows nothing of: what is computed.
"""

import platform
from typing import Any, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

IS_X86 = platform.machine().lower() in ("x86_64", "amd64", "i686")
FLUSH = 0x8040
"""Flush results to zero, read operands as zero."""


def _control(builder: Any, name: str, slot: Any) -> None:
    pointer = ir.PointerType(ir.IntType(8))
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [pointer]), f"llvm.x86.sse.{name}")
    builder.call(function, [builder.bitcast(slot, pointer)])


@cast("Any", intrinsic)
def flush_denormals(_typing_context: Any) -> Any:
    """Switch flushing on; returns the setting before, for `restore_denormals`."""

    def generate(_context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        word = ir.IntType(32)
        if not IS_X86:
            return ir.Constant(word, 0)
        slot = cgutils.alloca_once(builder, word)
        _control(builder, "stmxcsr", slot)
        before = builder.load(slot)
        builder.store(builder.or_(before, ir.Constant(word, FLUSH)), slot)
        _control(builder, "ldmxcsr", slot)
        return before

    return types.uint32(), generate


@cast("Any", intrinsic)
def restore_denormals(_typing_context: Any, before: Any) -> Any:
    """Put the setting back."""

    def generate(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        if IS_X86:
            slot = cgutils.alloca_once_value(builder, args[0])
            _control(builder, "ldmxcsr", slot)
        return context.get_dummy_value()

    return types.void(types.uint32), generate
