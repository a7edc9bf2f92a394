import { expect } from 'chai';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { concat } from '../../src/merkle/tree.ts';
import { batched } from '../../src/program/batch.ts';
import { byteLengthOf } from '../../src/program/node.ts';
import { layers } from '../support/layers.ts';
import { loop, ProgramBuilder } from '../support/programs.ts';
import { boundaryProgram, Random, randomProgram } from '../support/randomProgram.ts';

describe('a batch of runs', () => {
  it('has the bits of each run by itself, on both engines', async () => {
    const random = new Random(11);
    let compared = 0;
    const programs = [
      ...Array.from({ length: 12 }, (_, i) => randomProgram(i, 20)),
      ...Array.from({ length: 30 }, () => boundaryProgram(random)),
    ];
    for (const { program, weights } of programs) {
      const size = 3;
      const many = batched(program, size);
      if (!many) continue;
      const parts = Array.from({ length: size }, () =>
        program.inputs.map((node) => random.bytes(byteLengthOf(program.nodes[node]!))),
      );
      const joined = program.inputs.map((_, slot) => concat(parts.map((part) => part[slot]!)));
      const honest = await referenceEngine.load(program, weights);
      const each = [];
      for (const part of parts) each.push((await honest.run(part)).map(({ bytes }) => bytes));
      for (const engine of [referenceEngine, wasmEngine]) {
        const session = await engine.load(many, weights);
        const outputs = await session.run(joined);
        for (const [i, { bytes }] of outputs.entries()) {
          const expected = concat(each.map((one) => one[i]!));
          expect(Buffer.from(bytes).equals(Buffer.from(expected)), `${engine.name}, output ${i}`).to.equal(
            true,
          );
          compared++;
        }
        await session.close();
      }
    }
    expect(compared, 'outputs compared').to.be.greaterThan(40);
  });

  it('is refused with too many dimensions, or an output that depends on no input', () => {
    const build = new ProgramBuilder();
    build.node(
      loop({
        dtype: 'i32',
        shape: [1, 1, 1, 1, 1, 1, 1, 1],
        operands: [{ node: build.input('i32', []), dtype: 'i32', fill: 0, view: [] }],
      }),
    );
    expect(batched(build.finish().program, 2)).to.equal(undefined);
    const alone = new ProgramBuilder();
    alone.input('i32', []);
    alone.node(loop({ dtype: 'i32', shape: [], init: 7 }));
    expect(batched(alone.finish().program, 2)).to.equal(undefined);
    const { program } = layers();
    expect(batched(program, 4)?.nodes.map(({ shape }) => shape)).to.deep.equal([
      [4, 2, 200],
      [200, 3],
      [4, 2, 3],
      [4, 2, 3],
    ]);
  });
});
