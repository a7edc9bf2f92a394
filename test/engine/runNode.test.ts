import { expect } from 'chai';
import type { Engine } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { runLoop } from '../../src/engine/reference/runLoop.ts';
import { wasmEngine, wasmEngineWith } from '../../src/engine/wasm/wasm.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import type { LoopNode } from '../../src/program/node.ts';
import { f32Bytes, f32Values, matMul, ProgramBuilder } from '../support/programs.ts';
import { randomProgram } from '../support/randomProgram.ts';

const reasonOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'nothing thrown',
    (error: unknown) => String(error),
  );

/** x · w · v, with weights that an engine may keep in another order. */
function twoProducts() {
  const build = new ProgramBuilder();
  const x = build.input('f32', [3, 5]);
  const w = build.constant('f32', [5, 8], f32Bytes(Array.from({ length: 40 }, (_, i) => i - 20)));
  const v = build.constant('f32', [8, 7], f32Bytes(Array.from({ length: 56 }, (_, i) => Math.sin(i))));
  const first = build.node(matMul(x, w, 3, 5, 8));
  const second = build.node(matMul(first, v, 3, 8, 7));
  return { ...build.finish(), w, v, first, second };
}

const input = f32Bytes(Array.from({ length: 15 }, (_, i) => 1 / (i + 1)));

const engines: Readonly<Record<string, Engine>> = {
  reference: referenceEngine,
  wasm: wasmEngine,
  'wasm (2 threads)': wasmEngineWith({ threads: 2, leastTask: 1 }),
};

for (const [name, engine] of Object.entries(engines)) {
  describe(`one node run again by the ${name} engine`, () => {
    it('follows from the given tensors and weights, and leaves nothing behind', async () => {
      const { program, weights, w, v, first, second } = twoProducts();
      const session = await engine.load(program, weights);
      const honest = await session.runAll([input]);
      const product = program.nodes[second] as LoopNode;
      for (const changed of [first, v, w]) {
        const tensors = honest.map((bytes) => bytes);
        tensors[changed] = f32Bytes(f32Values(honest[changed]!).map((value) => value * 3 - 1));
        const actual = await session.runNode(second, tensors);
        expect(hexOf(actual), `tensor ${changed}`).to.equal(hexOf(runLoop(product, tensors)));
        expect(hexOf(actual) === hexOf(honest[second]!)).to.equal(changed === w);
        expect((await session.runAll([input])).map(hexOf)).to.deep.equal(honest.map(hexOf));
        expect(hexOf(await session.runNode(second, honest))).to.equal(hexOf(honest[second]!));
      }
      await session.close();
    });

    it('needs no run before it, and keeps what it gave', async () => {
      const { program, weights, first, second } = twoProducts();
      const honest = await (await referenceEngine.load(program, weights)).runAll([input]);
      const session = await engine.load(program, weights);
      const actual = await session.runNode(second, honest);
      await session.runNode(
        second,
        honest.map((bytes, i) => (i === first ? new Uint8Array(bytes.length) : bytes)),
      );
      expect(hexOf(actual)).to.equal(hexOf(honest[second]!));
      await session.close();
    });

    it('waits for its turn', async () => {
      const { program, weights, second } = twoProducts();
      const session = await engine.load(program, weights);
      const honest = await session.runAll([input]);
      const other = honest.map((bytes) => bytes.map((byte) => byte ^ 1));
      const [run, node, again] = await Promise.all([
        session.runAll([input]),
        session.runNode(second, other),
        session.runAll([input]),
      ]);
      expect(run.map(hexOf)).to.deep.equal(honest.map(hexOf));
      expect(hexOf(node)).to.equal(hexOf(runLoop(program.nodes[second] as LoopNode, other)));
      expect(again.map(hexOf)).to.deep.equal(honest.map(hexOf));
      await session.close();
    });

    it('refuses a node that is no loop, and operands that do not fit', async () => {
      const { program, weights, w, first, second } = twoProducts();
      const session = await engine.load(program, weights);
      const honest = await session.runAll([input]);
      expect(await reasonOf(session.runNode(w, honest))).to.match(/EngineError: node 1 is no loop/);
      expect(await reasonOf(session.runNode(99, honest))).to.match(/node 99 is no loop/);
      const short = honest.map((bytes, i) => (i === first ? bytes.subarray(4) : bytes));
      expect(await reasonOf(session.runNode(second, short))).to.match(
        /tensor 3 has 92 bytes, the program says 96/,
      );
      expect(await reasonOf(session.runNode(second, []))).to.match(/tensor \d is missing/);
      await session.close();
    });
  });
}

describe('one node run again', () => {
  it('gives the bits of the reference on random programs, whatever its operands are', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const { program, weights, inputs } = randomProgram(seed, 8);
      const session = await wasmEngine.load(program, weights);
      const tensors = (await session.runAll(inputs)).map((bytes, i) =>
        bytes.map((byte, at) => ((at * 7 + i) % 5 === 0 ? byte ^ (1 << (at & 7)) : byte)),
      );
      for (const [i, node] of program.nodes.entries()) {
        if (node.kind !== 'loop') continue;
        const actual = await session.runNode(i, tensors);
        expect(hexOf(actual), `seed ${seed}, node ${i}`).to.equal(hexOf(runLoop(node, tensors)));
      }
      await session.close();
    }
  });
});
