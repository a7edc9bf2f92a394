import { expect } from 'chai';
import { hexOf } from '../../src/merkle/keccak.ts';
import { toyInput, toyLoop, toyModel } from '../support/toy/model.ts';
import { deployProtocol, type Protocol, TERMS } from '../support/toy/protocol.ts';
import { INPUT, small, truth } from '../support/toy/small.ts';

describe('model registry', () => {
  let p: Protocol;
  const root = hexOf(small.tree.root);
  const ref = (node: number, byteLength: number) => ({ node, byteLength });

  beforeEach(async () => {
    p = await deployProtocol();
  });

  it('gives a model the id that its publisher computed, and hands back what was published', async () => {
    await expect(p.registry.publish(root, 5, [ref(0, 16)], [ref(4, 8)], [], 'ipfs:x'))
      .to.emit(p.registry, 'Published')
      .withArgs(hexOf(small.id), p.requester.address, root, 5, [[0, 16]], [[4, 8]], [], 'ipfs:x');
    expect(await p.registry.modelOf(small.id)).to.deep.equal([root, 5n, [[0n, 16n]], [[4n, 8n]], []]);
    expect(await p.registry.programOf(small.id)).to.deep.equal([root, 5n, false]);
  });

  it('keeps many tensors as well as few', async () => {
    const inputs = Array.from({ length: 9 }, (_, slot) => toyInput(slot + 1, slot));
    const model = toyModel([...inputs, toyLoop(3), toyLoop(70)], [10, 9, 10]);
    await p.publish(model);
    const plain = (list: typeof model.inputs) =>
      list.map(({ node, byteLength }) => [BigInt(node), BigInt(byteLength)]);
    expect(await p.registry.inputsOf(model.id)).to.deep.equal(plain(model.inputs));
    expect(await p.registry.outputsOf(model.id)).to.deep.equal(plain(model.outputs));
  });

  it('publishing again changes nothing and says where else to find it', async () => {
    await p.publish(small);
    await expect(p.registry.connect(p.stranger).publish(root, 5, [ref(0, 16)], [ref(4, 8)], [], 'elsewhere'))
      .to.emit(p.registry, 'Published')
      .withArgs(hexOf(small.id), p.stranger.address, root, 5, [[0, 16]], [[4, 8]], [], 'elsewhere');
  });

  it('attack 20: refuses what is malformed whatever the program is', async () => {
    const { registry } = p;
    for (const count of [0, 2 ** 20 + 1]) {
      await expect(registry.publish(root, count, [], [ref(0, 1)], [], ''))
        .to.be.revertedWithCustomError(registry, 'NodeCountOutOfBounds')
        .withArgs(count, 2 ** 20);
    }
    const many = Array(256).fill(ref(0, 1));
    for (const [inputs, outputs] of [
      [[], []],
      [many, [ref(0, 1)]],
      [[], many],
    ]) {
      await expect(registry.publish(root, 5, inputs!, outputs!, [], '')).to.be.revertedWithCustomError(
        registry,
        'TensorCountOutOfBounds',
      );
    }
    for (const bad of [ref(5, 1), ref(0, 2 ** 30 + 1)]) {
      await expect(registry.publish(root, 5, [bad], [ref(0, 1)], [], ''))
        .to.be.revertedWithCustomError(registry, 'TensorRefOutOfBounds')
        .withArgs(bad.node, bad.byteLength);
    }
  });

  it('knows nothing of a model that was not published', async () => {
    const { registry } = p;
    const reads = [
      () => registry.programOf(small.id),
      () => registry.modelOf(small.id),
      () => registry.inputsOf(small.id),
      () => registry.outputsOf(small.id),
      () => registry.commitInput(small.id, INPUT),
      () => registry.commitOutput(small.id, truth.output()),
    ];
    for (const read of reads) {
      await expect(read()).to.be.revertedWithCustomError(registry, 'UnknownModel').withArgs(hexOf(small.id));
    }
    expect(await registry.isPublished(small.id)).to.equal(false);
  });

  it('a model without inputs takes a request of no bytes', async () => {
    const model = toyModel([toyLoop(1)]);
    await p.publish(model);
    const asked = await p.ask(model, new Uint8Array());
    expect(asked.terms).to.deep.equal(TERMS);
    await expect(p.ask(model, INPUT)).to.be.revertedWithCustomError(p.registry, 'InputLengthMismatch');
  });
});
