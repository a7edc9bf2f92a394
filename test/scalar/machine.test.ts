import { expect } from 'chai';
import type { ScalarMachineMock } from '#typechain';
import {
  INSTRUCTIONS,
  type Instruction,
  type InstructionName,
  OPCODE,
} from '../../src/scalar/instructions.ts';
import { runScalar } from '../../src/scalar/machine.ts';
import { EDITIONS, type EditionOnChain, editionChain } from '../support/editions.ts';
import { EXTREMES, operandRows } from './vectors.ts';

/** Rows an instruction; more with ASSAY_LONG=1. */
const ROWS = process.env['ASSAY_LONG'] ? 2_000_000 : 100_000;
/** Rows a call. The in-process chain keeps a trace of every call until it ends, so few enough for its memory. */
const BATCH = 1000;

/** Rows on which gas is measured: combinations of extremes, the first operand varying slowest. */
const GAS_ROWS = 20_000;

const SLOTS = { a: 0, b: 1, c: 2, result: 3 };

function packed(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => {
    view.setUint32(4 * i, word);
  });
  return bytes;
}

/** The reference's result of each row. */
function reference({ opcode }: Instruction, rows: Uint32Array): Uint32Array {
  const slots = new Uint32Array(4);
  return Uint32Array.from({ length: rows.length / 3 }, (_, i) => {
    slots.set(rows.subarray(3 * i, 3 * i + 3));
    runScalar([{ opcode, a: SLOTS.a, b: SLOTS.b, c: SLOTS.c }], slots, SLOTS.result);
    return slots[SLOTS.result] as number;
  });
}

const hex = (word: number | undefined): string => (word ?? 0).toString(16).padStart(8, '0');

/** The rows on which two machines differ, told so that a failure explains itself. */
function disagreements(rows: Uint32Array, expected: Uint32Array, actual: Uint8Array): string[] {
  const view = new DataView(actual.buffer, actual.byteOffset, actual.byteLength);
  const lines: string[] = [];
  for (let i = 0; i < expected.length && lines.length < 10; i++) {
    if (view.getUint32(4 * i) === expected[i]) continue;
    const operands = [...rows.subarray(3 * i, 3 * i + 3)].map(hex).join(' ');
    lines.push(`${operands}: reference ${hex(expected[i])}, Solidity ${hex(view.getUint32(4 * i))}`);
  }
  return lines;
}

async function deploy(edition: EditionOnChain) {
  const chain = await editionChain(edition, { blockGasLimit: 1n << 40n, transactionGasCap: false });
  const machine = (await chain.deployContract('ScalarMachineMock')) as unknown as ScalarMachineMock;
  return { ethers: chain.ethers, machine };
}

/** Most gas over the table that an instruction takes where plain operations count leading zeros. */
const GAS_WITHOUT_CLZ = 200;

for (const edition of EDITIONS) {
  describe(`the scalar machine ${edition.title}`, function () {
    this.timeout(600_000);
    // The second set differs in one library of a dozen lines.
    const share = edition.clz ? 1 : 1 / 20;
    const rowCount = ROWS * share;
    const gasRowCount = GAS_ROWS * share;
    let chain: Awaited<ReturnType<typeof deploy>>;
    before(async () => {
      chain = await deploy(edition);
    });

    const encoded = ({ opcode }: Instruction) => Uint8Array.of(opcode, SLOTS.a, SLOTS.b, SLOTS.c);

    it('meets every combination of special floats and extreme integers', () => {
      const rows = operandRows(2, EXTREMES.length ** 2, 1);
      const pairs = new Set(
        Array.from({ length: rows.length / 3 }, (_, i) => `${rows[3 * i]},${rows[3 * i + 1]}`),
      );
      for (const word of [0, 0x80000000, 1, 0x807fffff, 0x7f800000, 0xff800000, 0x7f800001, 0xffc12345]) {
        for (const other of EXTREMES) expect(pairs.has(`${word},${other}`), hex(word)).to.equal(true);
      }
    });

    for (const instruction of INSTRUCTIONS) {
      it(`agrees with the reference on ${instruction.name}`, async () => {
        const rows = operandRows(instruction.arity, rowCount, instruction.opcode);
        for (let from = 0; from < rowCount; from += BATCH) {
          const batch = rows.subarray(3 * from, 3 * (from + BATCH));
          const actual = await chain.machine.map(encoded(instruction), packed(batch), {
            gasLimit: 1n << 39n,
          });
          const expected = reference(instruction, batch);
          const bytes = chain.ethers.getBytes(actual);
          expect(bytes.length).to.equal(4 * expected.length);
          expect(disagreements(batch, expected, bytes)).to.deep.equal([]);
        }
      });
    }

    /** Words that IEEE 754 and this instruction set fix, so that reference and Solidity cannot err together. */
    const fixed: readonly (readonly [name: InstructionName, operands: readonly number[], result: number])[] =
      [
        // NaN: any payload, either sign, signalling or quiet, gives the canonical one.
        ['f32.add', [0x7f800001, 0x3f800000], 0x7fc00000],
        ['f32.mul', [0x3f800000, 0xffc12345], 0x7fc00000],
        ['f32.sub', [0x7f800000, 0x7f800000], 0x7fc00000],
        ['f32.mul', [0, 0xff800000], 0x7fc00000],
        ['f32.div', [0, 0x80000000], 0x7fc00000],
        ['f32.div', [0x7f800000, 0xff800000], 0x7fc00000],
        ['f32.sqrt', [0xbf800000], 0x7fc00000],
        ['f32.min', [0x3f800000, 0xffffffff], 0x7fc00000],
        ['f32.max', [0x7fa00000, 0x3f800000], 0x7fc00000],
        ['f32.nearest', [0xff800001], 0x7fc00000],
        ['f32.eq', [0x7fc00000, 0x7fc00000], 0],
        ['f32.le', [0x7fc00000, 0x7fc00000], 0],
        ['i32.from_f32', [0x7fc00000], 0],
        // Signed zeros.
        ['f32.add', [0x80000000, 0], 0],
        ['f32.add', [0x80000000, 0x80000000], 0x80000000],
        ['f32.sub', [0x3f800000, 0x3f800000], 0],
        ['f32.mul', [0x80000000, 0x3f800000], 0x80000000],
        ['f32.sqrt', [0x80000000], 0x80000000],
        ['f32.min', [0, 0x80000000], 0x80000000],
        ['f32.min', [0x80000000, 0], 0x80000000],
        ['f32.max', [0, 0x80000000], 0],
        ['f32.max', [0x80000000, 0], 0],
        ['f32.eq', [0, 0x80000000], 1],
        ['f32.lt', [0x80000000, 0], 0],
        ['f32.ceil', [0xbf000000], 0x80000000],
        ['f32.nearest', [0xbf000000], 0x80000000],
        ['f32.div', [0x3f800000, 0x80000000], 0xff800000],
        // Subnormals are kept, on the way in and on the way out.
        ['f32.add', [1, 1], 2],
        ['f32.sub', [0x00800000, 1], 0x007fffff],
        ['f32.mul', [0x00800000, 0x3f000000], 0x00400000],
        ['f32.mul', [1, 0x3f000000], 0],
        ['f32.mul', [3, 0x3f000000], 2],
        ['f32.mul', [0x00800000, 0x3f7fffff], 0x00800000],
        ['f32.div', [1, 0x40000000], 0],
        ['f32.sqrt', [1], 0x1a3504f3],
        // Overflow, and the last numbers before it.
        ['f32.add', [0x7f7fffff, 0x7f7fffff], 0x7f800000],
        ['f32.add', [0x7f7fffff, 0x73000000], 0x7f800000],
        ['f32.add', [0x7f7fffff, 0x72ffffff], 0x7f7fffff],
        ['f32.mul', [0xff7fffff, 0x40000000], 0xff800000],
        ['f32.div', [0x7f7fffff, 0x3f000000], 0x7f800000],
        // Ties go to even.
        ['f32.add', [0x4b800000, 0x3f800000], 0x4b800000],
        ['f32.add', [0x4b800001, 0x3f800000], 0x4b800002],
        ['f32.nearest', [0x3f000000], 0],
        ['f32.nearest', [0x3fc00000], 0x40000000],
        ['f32.nearest', [0x40200000], 0x40000000],
        ['f32.from_i32', [0x01000001], 0x4b800000],
        ['f32.from_i32', [0x01000003], 0x4b800002],
        ['f32.from_i32', [0x80000000], 0xcf000000],
        // Saturation and wrapping.
        ['i32.from_f32', [0x4f000000], 0x7fffffff],
        ['i32.from_f32', [0xcf000000], 0x80000000],
        ['i32.from_f32', [0xff800000], 0x80000000],
        ['i32.from_f32', [0xbfffffff], 0xffffffff],
        ['i32.div', [0x80000000, 0xffffffff], 0x80000000],
        ['i32.div', [7, 0], 0],
        ['i32.rem', [7, 0], 7],
        ['i32.rem', [0xfffffff9, 3], 0xffffffff],
        ['i32.shl', [1, 33], 2],
        ['i32.shr_s', [0x80000000, 31], 0xffffffff],
        ['i32.shr_u', [0x80000000, 63], 1],
        ['select', [0x80000000, 5, 6], 5],
      ];
    it('attack 22: special floats and overflow give the fixed bits', async () => {
      for (const [name, operands, result] of fixed) {
        const instruction = INSTRUCTIONS[OPCODE[name] - 1]!;
        const row = Uint32Array.from([operands[0]!, operands[1] ?? 0, operands[2] ?? 0]);
        const where = `${name} ${operands.map(hex).join(' ')}`;
        expect(hex(reference(instruction, row)[0]), `${where} in the reference`).to.equal(hex(result));
        const actual = await chain.machine.map(encoded(instruction), packed(row));
        expect(actual, `${where} in Solidity`).to.equal(`0x${hex(result)}`);
      }
    });

    for (const instruction of INSTRUCTIONS) {
      const allowed = instruction.gas + (edition.clz ? 0 : GAS_WITHOUT_CLZ);
      it(`spends at most ${allowed} gas on ${instruction.name}, and not much less at worst`, async () => {
        const rows = operandRows(instruction.arity, gasRowCount, 99);
        const thrice = Uint8Array.from([1, 2, 3].flatMap(() => [...encoded(instruction)]));
        let most = 0;
        let sum = 0;
        let operands = '';
        for (let from = 0; from < gasRowCount; from += BATCH) {
          const batch = rows.subarray(3 * from, 3 * (from + BATCH));
          const measured = await chain.machine.measure(thrice, packed(batch), { gasLimit: 1n << 39n });
          sum += Number(measured.total);
          if (Number(measured.most) <= most) continue;
          most = Number(measured.most);
          const at = 3 * Number(measured.worst);
          operands = [...batch.subarray(at, at + 3)].map(hex).join(' ');
        }
        if (process.env['ASSAY_PRINT'])
          console.log(instruction.name, most, Math.round(sum / gasRowCount), operands);
        expect(most, operands).to.be.at.most(allowed);
        expect(most, operands).to.be.at.least(0.8 * instruction.gas);
      });
    }

    it('refuses every byte that is no opcode', async () => {
      for (const opcode of [0, INSTRUCTIONS.length + 1, 64, 255]) {
        await expect(chain.machine.map(Uint8Array.of(opcode, 0, 0, 0), new Uint8Array(12)))
          .to.be.revertedWithCustomError(chain.machine, 'OpcodeUnknown')
          .withArgs(opcode);
      }
    });
  });
}
