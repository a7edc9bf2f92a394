import { expect } from 'chai';
import { hexOf } from '../../src/merkle/keccak.ts';
import { commitOutput, modelId } from '../../src/merkle/model.ts';
import { toyInput, toyLoop, toyModel } from '../support/toy/model.ts';
import { deployProtocol, type Protocol, TERMS } from '../support/toy/protocol.ts';
import { honestValues, INPUT, small } from '../support/toy/small.ts';

describe('model registry', () => {
  let protocol: Protocol;
  const root = hexOf(small.tree.root);
  const ref = (node: number, byteLength: number) => ({ node, byteLength });

  beforeEach(async () => {
    protocol = await deployProtocol();
  });

  it("gives a model its publisher's id, and hands back what was published", async () => {
    await expect(protocol.registry.publish(root, 5, [ref(0, 16)], [ref(4, 8)], [], 'ipfs:x'))
      .to.emit(protocol.registry, 'Published')
      .withArgs(hexOf(small.id), protocol.requester.address, root, 5, [[0, 16]], [[4, 8]], [], 'ipfs:x');
    expect(await protocol.registry.modelOf(small.id)).to.deep.equal([root, 5n, [[0n, 16n]], [[4n, 8n]], []]);
    expect(await protocol.registry.programOf(small.id)).to.deep.equal([root, 5n, false]);
  });

  it('keeps many tensors as well as few', async () => {
    const inputs = Array.from({ length: 9 }, (_, slot) => toyInput(slot + 1, slot));
    const model = toyModel([...inputs, toyLoop(3), toyLoop(70)], [10, 9, 10]);
    await protocol.publish(model);
    const plain = (list: typeof model.inputs) =>
      list.map(({ node, byteLength }) => [BigInt(node), BigInt(byteLength)]);
    expect(await protocol.registry.inputsOf(model.id)).to.deep.equal(plain(model.inputs));
    expect(await protocol.registry.outputsOf(model.id)).to.deep.equal(plain(model.outputs));
  });

  it('publishing again changes nothing and says where else to find it', async () => {
    await protocol.publish(small);
    await expect(
      protocol.registry
        .connect(protocol.stranger)
        .publish(root, 5, [ref(0, 16)], [ref(4, 8)], [], 'elsewhere'),
    )
      .to.emit(protocol.registry, 'Published')
      .withArgs(hexOf(small.id), protocol.stranger.address, root, 5, [[0, 16]], [[4, 8]], [], 'elsewhere');
  });

  it('attack 20: refuses what is malformed whatever the program is', async () => {
    const { registry } = protocol;
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
    const { registry } = protocol;
    const reads = [
      () => registry.programOf(small.id),
      () => registry.modelOf(small.id),
      () => registry.inputsOf(small.id),
      () => registry.outputsOf(small.id),
      () => registry.commitInput(small.id, INPUT),
      () => registry.commitOutput(small.id, honestValues.output()),
    ];
    for (const read of reads) {
      await expect(read()).to.be.revertedWithCustomError(registry, 'UnknownModel').withArgs(hexOf(small.id));
    }
    expect(await registry.isPublished(small.id)).to.equal(false);
  });

  describe('a model with answers', () => {
    const model = toyModel([toyInput(16), toyInput(4, 1), toyInput(3, 2), toyLoop(1)], [3], 2);
    const publishing = (outputs: unknown[], answers: unknown[]) =>
      protocol.registry.publish(
        hexOf(model.tree.root),
        4,
        [ref(0, 16)],
        outputs as never,
        answers as never,
        '',
      );

    it('has the id that its publisher computed, unlike the same without answers', async () => {
      await protocol.publish(model);
      expect(await protocol.registry.modelOf(model.id)).to.deep.equal([
        hexOf(model.tree.root),
        4n,
        [[0n, 16n]],
        [[3n, 4n]],
        [
          [1n, 4n],
          [2n, 3n],
        ],
      ]);
      expect(await protocol.registry.programOf(model.id)).to.deep.equal([hexOf(model.tree.root), 4n, true]);
      expect(await protocol.registry.suppliedOf(model.id)).to.deep.equal(
        await protocol.registry.answersOf(model.id),
      );
      const without = { ...model, answers: [], id: modelId(model.tree.root, 4, model.inputs, model.outputs) };
      expect(hexOf(without.id)).to.not.equal(hexOf(model.id));
      await protocol.publish(without);
      expect(await protocol.registry.answersOf(without.id)).to.deep.equal([]);
      expect(await protocol.registry.suppliedOf(without.id)).to.deep.equal([[3n, 4n]]);
    });

    it('takes the answers as what is claimed', async () => {
      await protocol.publish(model);
      const answers = Uint8Array.from({ length: 7 }, (_, i) => i + 1);
      expect(await protocol.registry.commitOutput(model.id, answers)).to.equal(
        hexOf(commitOutput(model, answers)),
      );
      await expect(protocol.registry.commitOutput(model.id, new Uint8Array(4)))
        .to.be.revertedWithCustomError(protocol.registry, 'OutputLengthMismatch')
        .withArgs(7, 4);
    });

    it('attack 57: has one output, a scalar, and answers that fit a claim', async () => {
      const { registry } = protocol;
      for (const outputs of [[ref(3, 2)], [ref(3, 0)], [ref(3, 4), ref(3, 4)]]) {
        await expect(publishing(outputs, [ref(1, 4)])).to.be.revertedWithCustomError(
          registry,
          'AcceptNotScalar',
        );
      }
      for (const bytes of [1, 4]) await publishing([ref(3, bytes)], [ref(1, 122_880)]);
      await expect(publishing([ref(3, 4)], [ref(1, 122_880), ref(2, 1)]))
        .to.be.revertedWithCustomError(registry, 'AnswersTooLarge')
        .withArgs(122_881, 122_880);
      await expect(publishing([ref(3, 4)], Array(256).fill(ref(1, 1)))).to.be.revertedWithCustomError(
        registry,
        'AnswerCountOutOfBounds',
      );
      await expect(publishing([ref(3, 4)], [ref(4, 1)])).to.be.revertedWithCustomError(
        registry,
        'TensorRefOutOfBounds',
      );
    });
  });

  it('commits to tensors by their roots as by their bytes', async () => {
    await protocol.publish(small);
    const { registry } = protocol;
    const input = await registry.commitInput(small.id, INPUT);
    expect(await registry.commitInputRoots(small.id, [honestValues.tensor(0).root])).to.equal(input);
    const output = await registry.commitOutput(small.id, honestValues.output());
    expect(await registry.commitOutputRoots(small.id, [honestValues.tensor(4).root])).to.equal(output);
    for (const roots of [[], [hexOf(small.id), hexOf(small.id)]]) {
      for (const commit of [registry.commitInputRoots, registry.commitOutputRoots]) {
        await expect(commit(small.id, roots))
          .to.be.revertedWithCustomError(registry, 'RootCountMismatch')
          .withArgs(1, roots.length);
      }
    }
  });

  it('attack 51: refuses a model whose first answer costs more than a bond pays', async () => {
    const outputs = (count: number) => Array(count).fill(ref(0, 1));
    const publishing = (count: number, nodes: number) =>
      protocol.registry.publish(root, nodes, [], outputs(count), [], '');
    await publishing(192, 1);
    await expect(publishing(193, 1)).to.be.revertedWithCustomError(protocol.registry, 'FirstAnswerTooLarge');
    // 9 outputs in 2^20 nodes: 9 roots and 180 siblings.
    await publishing(9, 2 ** 20);
    await expect(publishing(10, 2 ** 20))
      .to.be.revertedWithCustomError(protocol.registry, 'FirstAnswerTooLarge')
      .withArgs(10, 2_048 + 10 * 21 * 32, 8_192);
  });

  it('a model without inputs takes a request of no bytes', async () => {
    const model = toyModel([toyLoop(1)]);
    await protocol.publish(model);
    const asked = await protocol.ask(model, new Uint8Array());
    expect(asked.terms).to.deep.equal(TERMS);
    await expect(protocol.ask(model, INPUT)).to.be.revertedWithCustomError(
      protocol.registry,
      'InputLengthMismatch',
    );
  });
});
