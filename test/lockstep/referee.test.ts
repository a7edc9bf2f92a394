import { expect } from 'chai';
import type { Signer } from 'ethers';
import type { Referee } from '#typechain';
import { fixedLeaf } from '../../src/chain/contracts/fixedLeaf.ts';
import type { Weights } from '../../src/engine/engine.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { modelOf } from '../../src/merkle/model.ts';
import { FUNCTIONS } from '../../src/onnx/functions/index.ts';
import { importOnnx } from '../../src/onnx/index.ts';
import { type LoopNode, type Program, sizeOf } from '../../src/program/node.ts';
import { validate } from '../../src/program/validate.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { commitmentsOf } from '../support/disputes.ts';
import { EDITIONS, editionChain } from '../support/editions.ts';
import { extremeProgram } from '../support/extremePrograms.ts';
import { expectGas } from '../support/gas.ts';
import { floats, modelBytes, node, programBytes } from '../support/onnx.ts';
import { Random, randomProgram } from '../support/randomProgram.ts';
import { tinyInputs, tinyProgram } from './tinyProgram.ts';

/** Every leaf of an element: its stretches of at most `grain` steps; the last one includes post. */
function stretches({ fold, grain }: LoopNode): { from: number; to: number }[] {
  const steps = sizeOf(fold);
  if (steps === 0) return [{ from: 0, to: 0 }];
  return Array.from({ length: Math.ceil(steps / grain) }, (_, i) => ({
    from: i * grain,
    to: Math.min((i + 1) * grain, steps),
  }));
}

for (const edition of EDITIONS) {
  describe(`lockstep: the Referee ${edition.title} and the reference engine`, function () {
    this.timeout(300_000);

    let referee: Referee;
    before(async () => {
      const { deployContract } = await editionChain(edition);
      referee = (await deployContract('Referee')) as unknown as Referee;
    });

    /** Runs leaves on both; every one of each node, or up to `atMost` spread over them. */
    async function compare(
      program: Program,
      weights: Weights,
      inputs: readonly Uint8Array[],
      atMost = Number.POSITIVE_INFINITY,
    ): Promise<number> {
      expect(validate(program)).to.deep.equal([]);
      const session = await referenceEngine.load(program, weights);
      const trace = new RunTrace(modelOf(program), await session.runAll(inputs));
      let compared = 0;
      for (const [nodeIndex, node] of program.nodes.entries()) {
        if (node.kind !== 'loop') continue;
        const steps = sizeOf(node.fold);
        const leaves = Array.from({ length: sizeOf(node.shape) }, (_, element) =>
          stretches(node).map((stretch) => ({ element, ...stretch })),
        ).flat();
        const every = Math.max(1, Math.floor(leaves.length / atMost));
        for (const { element, from, to } of leaves.filter((_, i) => i % every === 0)) {
          const [before, after] = trace.accumulators(nodeIndex, element, [from, to]) as [number, number];
          const word = await referee.run(
            trace.model.descriptors[nodeIndex]!,
            element,
            from,
            to,
            before,
            commitmentsOf(trace, nodeIndex),
            trace.witness(nodeIndex, element, from, to),
          );
          const expected = to < steps ? after : trace.word(nodeIndex, element);
          expect(Number(word), `node ${nodeIndex}, element ${element}, steps ${from} to ${to}`).to.equal(
            expected,
          );
          compared++;
        }
      }
      return compared;
    }

    it('agree on every leaf of every element of every node of a tiny model', async () => {
      const { program, weights } = tinyProgram();
      // As many leaves as its shapes and grains make.
      expect(await compare(program, weights, tinyInputs())).to.equal(363);
    });

    it('agree on every function at its ends and where its argument is hard to reduce', async () => {
      const values = [1e38, -16_367_173 * 2 ** 72, 1.7e9, 0.75, -0, 2 ** -149, 88.7, Infinity, NaN];
      const x = floats([values.length], values);
      const exponents = floats([values.length], [0.1, 3, -2.5, 1e4, -3, 0.5, 20, -1, 0]);
      const unary = Object.keys(FUNCTIONS).filter((name) => name !== 'expm1');
      const spec = {
        nodes: [
          ...unary.map((name) => node(name[0]!.toUpperCase() + name.slice(1), ['x'], [name])),
          node('Pow', ['x', 'exponents'], ['pow']),
        ],
        inputs: { x, exponents },
        outputs: [...unary, 'pow'],
      };
      const { program, weights } = importOnnx(modelBytes(spec));
      const compared = await compare(program, weights, [x, exponents].map(programBytes));
      expect(compared).to.be.at.least(values.length * (unary.length + 1));
    });

    it('agree on programs of extreme numbers, as the WebAssembly engine does', async () => {
      const programs = process.env['ASSAY_LONG'] ? 1500 : 15;
      let leaves = 0;
      for (let seed = 1; seed <= programs; seed++) {
        const { program, weights, inputs } = extremeProgram(new Random(seed + 90_000), 6);
        const tensors = await (await referenceEngine.load(program, weights)).runAll(inputs);
        const wasm = await wasmEngine.load(program, weights);
        const [all, outputs] = [await wasm.runAll(inputs), await wasm.run(inputs)];
        await wasm.close();
        for (const [node, bytes] of tensors.entries()) {
          expect(Buffer.compare(bytes, all[node]!), `seed ${seed}, node ${node}`).to.equal(0);
        }
        for (const [i, node] of program.outputs.entries()) {
          expect(Buffer.compare(outputs[i]!.bytes, tensors[node]!), `seed ${seed}, output ${i}`).to.equal(0);
        }
        leaves += await compare(program, weights, inputs, 2);
      }
      expect(leaves).to.be.above(8 * programs);
    });

    it('agree on random programs', async () => {
      const programs = process.env['ASSAY_LONG'] ? 600 : edition.clz ? 60 : 20;
      for (let seed = 1; seed <= programs; seed++) {
        const { program, weights, inputs } = randomProgram(seed, 8);
        await compare(program, weights, inputs, 4);
      }
    });

    it('agree on the leaf that clients try when they connect, at a known price', async () => {
      const { descriptor, element, from, to, accumulator, commitments, witness, word } = await fixedLeaf();
      const args = [descriptor, element, from, to, accumulator, commitments, witness] as const;
      expect(await referee.run(...args)).to.equal(BigInt(word));
      const request = await referee.run.populateTransaction(...args);
      const sent = await (referee.runner as Signer).sendTransaction(request);
      const { gasUsed } = (await sent.wait())!;
      expectGas(`known leaf${edition.clz ? '' : ' without CLZ'}, its transaction`, gasUsed);
    });
  });
}
