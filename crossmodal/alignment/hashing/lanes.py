"""One strip of rows of the warping matrix, written for vector registers: lane r works on row r of the strip, one column behind lane r - 1.

So each step is an anti-diagonal that stays in registers: of its three neighbours, the left one is the lane's own last value, the upper
one that of the next lane (a shift by one), and the corner is what was above one step earlier. Memory is touched for one vector of hashes
per register and one number of the border between strips. numba's own loops cannot keep a diagonal in registers (they load three and store
one for each), so the strip is written as LLVM instructions, which llvmlite compiles for whatever the processor has: no C compiler is
needed.

A cell is a key, cost << shift | length. Keys compare as the pair (cost, length) does, and adding keys adds both, so the exact length of
the cheapest path comes at no cost. `warping` chooses the shift, and proves that nothing overflows. A lane of 16 bits would hold the cost
alone, and its length would take a second register, two comparisons and two selections: as much work per cell as lanes of 32 bits that
hold both.

Lanes are stored bottom row first, so that columns are read in their own order: lane x is row height - 1 - x, and reads column step - row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

VECTOR_BITS = 512  # LLVM splits it where registers are shorter
MOST_REGISTERS = 6  # per strip; with three vectors for each, 32 registers are full
INDEX = ir.IntType(64)
LANE = ir.IntType(32)


def _minimum(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.icmp_unsigned("<", one, other), one, other)


class _Strip:
    """Writes the instructions of a strip of `registers` vectors of keys of `bits`."""

    def __init__(self, builder: Any, registers: int, bits: int) -> None:
        self.builder, self.registers = builder, registers
        self.number = ir.IntType(bits)
        self.lanes = VECTOR_BITS // bits
        self.height = registers * self.lanes
        self.vector = ir.VectorType(self.number, self.lanes)
        name = f"llvm.ctpop.v{self.lanes}i{bits}"
        self.ctpop = cgutils.get_or_insert_function(builder.module, ir.FunctionType(self.vector, [self.vector]), name)
        self.rows = [
            self.constant([self.height - 1 - first - x for x in range(self.lanes)])
            for first in range(0, self.height, self.lanes)
        ]

    def constant(self, values: int | list[int]) -> Any:
        return ir.Constant(self.vector, values if isinstance(values, list) else [values] * self.lanes)

    def splat(self, value: Any) -> Any:
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, LANE(0))
        return self.builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(LANE, self.lanes), None))

    def load(self, array: Any, index: Any) -> Any:
        address = self.builder.bitcast(self.builder.gep(array, [index]), self.vector.as_pointer())
        return self.builder.load(address, align=self.number.width // 8)

    def resize(self, value: Any) -> Any:
        return value if self.number.width == INDEX.width else self.builder.trunc(value, self.number)

    def prepare(self, queries: Any, columns: Any, border: Any, count: Any, first: Any, eligible: Any, shift: Any,
                penalty: Any) -> None:  # fmt: skip
        """Loads what does not change: hashes of the rows, which of them are real, when they end, and the penalty."""
        build = self.builder
        self.columns, self.border = columns, border
        self.hashes = [self.load(queries, INDEX(k * self.lanes)) for k in range(self.registers)]
        real, ending = self.splat(self.resize(first)), self.splat(self.resize(eligible))
        last = self.splat(self.resize(build.sub(count, INDEX(1))))
        self.real = [build.icmp_signed(">=", rows, real) for rows in self.rows]
        self.ends = [
            build.select(build.icmp_signed(">=", rows, ending), build.add(rows, last), self.constant(-1))
            for rows in self.rows
        ]
        self.shift = self.splat(shift)
        self.penalty = self.splat(build.shl(penalty, shift))

    def step(self, index: Any, left: list[Any], corner: list[Any], best: Any, *, ramp: bool) -> list[Any]:
        """One anti-diagonal: the new keys, what was above them, and the best end so far."""
        build, lanes = self.builder, self.lanes
        shifted = ir.Constant(ir.VectorType(LANE, lanes), list(range(1, lanes + 1)))
        beyond = self.load(self.border, index)
        now = self.splat(self.resize(index))
        keys, aboves = [], []
        for k in range(self.registers):
            above = build.shuffle_vector(left[k], left[k + 1] if k + 1 < self.registers else beyond, shifted)
            columns = self.load(self.columns, build.add(index, INDEX(k * lanes)))
            bits = build.call(self.ctpop, [build.xor(self.hashes[k], columns)])
            cell = build.add(build.shl(bits, self.shift), self.constant(1))
            beside = build.add(_minimum(build, above, left[k]), self.penalty)
            key = build.add(_minimum(build, beside, corner[k]), cell)
            # Before column 0, and above row 0, every key is 0: a path may begin at any cell of that row and column.
            begun = self.real[k]
            if ramp:
                begun = build.and_(begun, build.icmp_signed("<=", self.rows[k], now))
            key = build.select(begun, key, self.constant(0))
            if best is not None:
                ended = build.select(build.icmp_unsigned("==", self.ends[k], now), key, self.constant(-1))
                best = _minimum(build, best, ended)
            keys.append(key)
            aboves.append(above)
        row = build.extract_element(keys[0], LANE(0))
        build.store(row, build.gep(self.border, [build.sub(index, INDEX(self.height - 1))]))
        return keys + aboves + ([] if best is None else [best])

    def loop(self, start: Any, stop: Any, state: list[Any], *, ramp: bool, end: bool) -> list[Any]:
        """Steps from `start` until `stop`; ramp: some lanes have not begun; end: some lanes reach the last column."""
        build = self.builder
        before = build.block
        head, body, after = (build.append_basic_block(name) for name in ("head", "body", "after"))
        build.branch(head)
        build.position_at_end(head)
        index = build.phi(INDEX)
        index.add_incoming(start, before)
        held = [build.phi(self.vector) for _ in state]
        for phi, value in zip(held, state, strict=True):
            phi.add_incoming(value, before)
        build.cbranch(build.icmp_signed("<", index, stop), body, after)
        build.position_at_end(body)
        r = self.registers
        new = self.step(index, held[:r], held[r : 2 * r], held[-1] if end else None, ramp=ramp)
        index.add_incoming(build.add(index, INDEX(1)), build.block)
        for phi, value in zip(held, new if end else [*new, held[-1]], strict=True):
            phi.add_incoming(value, build.block)
        build.branch(head)
        build.position_at_end(after)
        return held

    def run(self, count: Any) -> Any:
        """All steps; returns the least key among the lanes' ends in the last column."""
        build = self.builder
        full, last = INDEX(self.height - 1), build.sub(count, INDEX(1))
        rest = build.select(build.icmp_signed(">", full, last), full, last)
        state = [self.constant(0)] * (2 * self.registers) + [self.constant(-1)]
        state = self.loop(INDEX(0), full, state, ramp=True, end=True)
        state = self.loop(full, last, state, ramp=False, end=False)
        state = self.loop(rest, build.add(last, INDEX(self.height)), state, ramp=False, end=True)
        best = build.extract_element(state[-1], LANE(0))
        for lane in range(1, self.lanes):
            best = _minimum(build, best, build.extract_element(state[-1], LANE(lane)))
        return best


def make_strip(registers: int) -> Callable[..., Any]:
    """A function for numba's code, for strips of `registers` vectors of 16 rows (keys of 32 bits) or 8 rows (64 bits).

    It takes `queries` (height,), the rows' hashes bottom row first; `columns`, the target's hashes, the first at height - 1; `border`
    (height + count + height,), with the keys of the row above, column 0 at height, which become those of the strip's last row; `count`,
    columns; `first`, the first row that is real; `eligible`, the first row that may end in the last column; `shift`; `penalty`. All
    arrays have the type of the keys.
    """

    @intrinsic
    def strip(typing_context: object, queries: Any, columns: Any, border: Any, count: Any, first: Any, eligible: Any,
              shift: Any, penalty: Any) -> tuple[Any, Callable[..., Any]]:  # fmt: skip
        key = border.dtype
        signature = key(queries, columns, border, types.int64, types.int64, types.int64, key, key)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            arrays = [
                context.make_array(kind)(context, builder, value).data
                for kind, value in zip(signature.args[:3], arguments[:3], strict=True)
            ]
            writer = _Strip(builder, registers, key.bitwidth)
            arrays[2] = builder.gep(arrays[2], [INDEX(writer.height)])
            writer.prepare(*arrays, *arguments[3:])
            return writer.run(arguments[3])

        return signature, generate

    return strip
