import { expect } from 'chai';
import { runLoop } from '../../src/engine/reference/runLoop.ts';
import { wasmEngine } from '../../src/engine/wasm/wasm.ts';
import { equalBytes } from '../../src/merkle/keccak.ts';
import { tensorRoot } from '../../src/merkle/tensor.ts';
import { type Fault, keepFrom, plantFaults, plantFaultsOn } from '../../src/trace/fault.ts';
import { RunTrace } from '../../src/trace/run.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { honestTrace } from '../support/disputes.ts';
import {
  f32Bytes,
  f32Values,
  instruction,
  loop,
  matMul,
  ProgramBuilder,
  sameShape,
} from '../support/programs.ts';

/** x → (x·w, unrelated copy of x) → square of the product. */
async function diamond(): Promise<Trace> {
  const build = new ProgramBuilder();
  const x = build.input('f32', [1, 4]);
  const w = build.constant('f32', [4, 2], f32Bytes([1, 2, 3, 4, 5, 6, 7, 8]));
  const product = build.node(matMul(x, w, 1, 4, 2, 1));
  const square = (node: number, shape: number[]) =>
    build.node(
      loop({
        dtype: 'f32',
        shape,
        operands: [sameShape(node, 'f32', shape)],
        post: (s) => [instruction('f32.mul', s.operands, s.operands)],
      }),
    );
  square(x, [1, 4]);
  square(product, [1, 2]);
  const { program, weights } = build.finish();
  return honestTrace(program, weights, [f32Bytes([1, 2, 3, 4])]);
}

describe('planted faults', () => {
  let honest: Trace;
  before(async () => {
    honest = await diamond();
  });

  it('change one element and everything that follows from it, nothing else', () => {
    const rerun: number[] = [];
    const liar = plantFaults(honest, [{ node: 2, element: 1, xor: 0x80000000 }], (node, tensors, index) => {
      rerun.push(index);
      return runLoop(node, tensors);
    });
    expect(rerun).to.deep.equal([4]);
    expect(f32Values(honest.tensors[2]!)).to.deep.equal([50, 60]);
    expect(f32Values(liar.tensors[2]!)).to.deep.equal([50, -60]);
    // The square of a number forgets its sign, so the lie ends here.
    expect(liar.tensors[4]).to.deep.equal(honest.tensors[4]);
    expect(liar.tensors[3]).to.equal(honest.tensors[3]);
    expect(equalBytes(liar.root, honest.root)).to.equal(false);
    expect(equalBytes(liar.node(0, 3), honest.node(0, 3))).to.equal(true);
  });

  it('leave every other tensor as it was if nothing is run again', () => {
    const liar = plantFaults(
      honest,
      [
        { node: 0, element: 0 },
        { node: 4, element: 1 },
      ],
      keepFrom(honest),
    );
    const changed = liar.tensors.map((bytes, i) => !equalBytes(bytes, honest.tensors[i]!));
    expect(changed).to.deep.equal([true, false, false, false, true]);
    const roots = liar.tensors.map((_, i) => !equalBytes(liar.node(0, i), honest.node(0, i)));
    expect(roots).to.deep.equal(changed);
    expect(liar.node(0, 4)).to.deep.equal(tensorRoot(liar.tensors[4]!));
  });

  it('can be added to without computing again what follows from the first', () => {
    const faults = [
      { node: 0, element: 0, xor: 0x00400000 },
      // In a tensor that the first one changes as well.
      { node: 2, element: 1, xor: 0x00400000 },
      { node: 4, element: 1 },
    ];
    const planted = faults.slice(0, 2);
    const first = plantFaults(honest, planted);
    const both = plantFaults(honest, faults, keepFrom(first, planted));
    expect(both.tensors).to.deep.equal(plantFaults(honest, faults).tensors);
    expect(both.tensors[2]).to.deep.equal(first.tensors[2]).and.not.deep.equal(honest.tensors[2]);
    expect(equalBytes(both.root, first.root)).to.equal(false);
  });

  it('are the same trace when an engine runs again what follows from them', async () => {
    const { program } = honest.model;
    const weights = new Map([[1, honest.tensors[1]!]]);
    const session = await wasmEngine.load(program, weights);
    for (const faults of [
      [{ node: 0, element: 0, xor: 0x00400000 }],
      [{ node: 1, element: 3, xor: 0x00400000 }],
      [{ node: 2, element: 1, step: 2 }],
      [
        { node: 0, element: 3, xor: 0x00400000 },
        { node: 2, element: 0 },
        { node: 4, element: 1 },
      ],
    ]) {
      const byLetter = plantFaults(honest, faults);
      const byEngine = await plantFaultsOn(session, honest, faults);
      expect(byEngine.tensors).to.deep.equal(byLetter.tensors);
      expect(byEngine.root).to.deep.equal(byLetter.root);
      expect(byEngine.accumulators(2, 1, [1, 4])).to.deep.equal(byLetter.accumulators(2, 1, [1, 4]));
      const shared = byEngine.tensors.map((bytes, i) => bytes === honest.tensors[i]);
      expect(shared).to.deep.equal(byLetter.tensors.map((bytes, i) => bytes === honest.tensors[i]));
    }
  });

  it('leave the accumulators right up to their fold step and wrong from it on', () => {
    const positions = [0, 1, 2, 3, 4];
    const right = honest.accumulators(2, 1, positions);
    for (let step = 0; step < 4; step++) {
      const wrong = plantFaults(honest, [{ node: 2, element: 1, step }]).accumulators(2, 1, positions);
      expect(positions.map((at) => wrong[at] !== right[at])).to.deep.equal(positions.map((at) => at > step));
    }
    const inPost = plantFaults(honest, [{ node: 2, element: 1 }]);
    expect(inPost.accumulators(2, 1, positions)).to.deep.equal(right);
    expect(inPost.word(2, 1)).to.equal(right[4]! ^ 1);
    expect(
      plantFaults(honest, [{ node: 2, element: 1, step: 0 }]).accumulators(2, 0, positions),
    ).to.deep.equal(honest.accumulators(2, 0, positions));
  });

  it('show in the root of a constant or an input', () => {
    for (const node of [0, 1]) {
      const liar = plantFaults(honest, [{ node, element: 0, xor: 0x00400000 }]);
      expect(equalBytes(liar.node(0, node), tensorRoot(liar.tensors[node]!))).to.equal(true);
      expect(equalBytes(liar.node(0, node), honest.node(0, node))).to.equal(false);
      expect(equalBytes(liar.node(0, 2), honest.node(0, 2))).to.equal(false);
    }
  });

  it('are refused where the program has no place for them', () => {
    const refused: [Fault, RegExp][] = [
      [{ node: 5, element: 0 }, /no node 5: the program has 5/],
      [{ node: -1, element: 0 }, /no node -1/],
      [{ node: 2, element: 2 }, /no element 2 in node 2: it has 2/],
      [{ node: 2, element: -1 }, /no element -1/],
      [{ node: 2, element: 0.5 }, /no element 0.5/],
      [{ node: 2, element: 0, step: 4 }, /no fold step 4 in node 2: it has 4/],
      [{ node: 0, element: 0, step: 0 }, /no fold step 0 in node 0: it has 0/],
      [{ node: 2, element: 0, xor: 0 }, /changes nothing/],
    ];
    for (const [fault, reason] of refused)
      expect(() => plantFaults(honest, [fault])).to.throw(RangeError, reason);
  });

  it('of a byte tensor must flip a bit of the byte', async () => {
    const build = new ProgramBuilder();
    build.input('u8', [2]);
    const { program, weights } = build.finish();
    const bytes = await honestTrace(program, weights, [Uint8Array.of(1, 2)]);
    expect(() => plantFaults(bytes, [{ node: 0, element: 0, xor: 0x100 }])).to.throw(
      RangeError,
      'changes nothing',
    );
    expect([...plantFaults(bytes, [{ node: 0, element: 1, xor: 0x180 }]).tensors[0]!]).to.deep.equal([
      1, 0x82,
    ]);
  });
});

describe('trace', () => {
  it('takes the root of a constant from the program', async () => {
    const { model, tensors } = await diamond();
    const lies = [...tensors];
    lies[1] = f32Bytes([9, 9, 9, 9, 9, 9, 9, 9]);
    const node = model.program.nodes[1]!;
    expect(new RunTrace(model, lies).node(0, 1)).to.deep.equal(node.kind === 'constant' && node.root);
  });
});
