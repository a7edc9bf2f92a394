// Provider and watcher on models that check answers, and on programs that are malformed.
import { expect } from 'chai';
import { hexlify } from 'ethers';
import { claim } from '../../src/chain/actions/actions.ts';
import type { Contracts } from '../../src/chain/contracts/contracts.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import { publish, request } from '../../src/client/client.ts';
import type { MalformedProgram } from '../../src/dispute/malformed.ts';
import { referenceEngine } from '../../src/engine/reference/reference.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { modelOf, programLeaf } from '../../src/merkle/model.ts';
import { concat, MerkleTree, PROGRAM_TREE } from '../../src/merkle/tree.ts';
import { findMalformation } from '../../src/program/malformation.ts';
import { createProvider } from '../../src/provider/provider.ts';
import type { Runner } from '../../src/store/runner.ts';
import { Shelf } from '../../src/store/shelf.ts';
import { plantFaults } from '../../src/trace/fault.ts';
import { RunTrace } from '../../src/trace/run.ts';
import { createWatcher } from '../../src/watcher/watcher.ts';
import { type Checked, checkedPrograms } from '../support/checkedPrograms.ts';
import { layers, layersInput } from '../support/layers.ts';
import { lyingRunner } from '../support/lyingRunner.ts';
import { asAccount, type DevelopmentChain, deployed, startChain, TERMS } from '../support/protocol.ts';
import { claimsIn } from '../support/records.ts';

const PROVIDER = 1;
const LIAR = 2;
const WATCHER = 3;

async function shelfOf({ program, weights }: Checked): Promise<Shelf> {
  const shelf = new Shelf((model, tensors) => new RunTrace(model, tensors));
  shelf.put({ model: modelOf(program), session: await referenceEngine.load(program, weights) });
  return shelf;
}

/** Runs as `honest` does, and says of every answer that it is accepted. */
const accepting = (honest: Runner, accept: number): Runner =>
  lyingRunner(honest, (right) =>
    right.tensors[accept]![0] === 1 ? right : plantFaults(right, [{ node: accept, element: 0 }]),
  );

describe('provider and watcher', function () {
  this.timeout(120_000);
  let chain: DevelopmentChain;
  let contracts: Contracts;
  const as = (index: number) => asAccount(contracts, chain, index);

  beforeEach(async () => {
    chain = await startChain('in-process');
    contracts = await deployed(chain);
  });
  afterEach(() => chain.stop());

  const statuses = async () => {
    const world = await new EventIndex(contracts).update();
    return claimsIn(world).map(({ status }) => status);
  };

  for (const checked of checkedPrograms()) {
    const { name, program, input, right, wrong } = checked;

    it(`attack 57: ${name}: a right answer becomes final, a wrong one is falsified`, async () => {
      const shelf = await shelfOf(checked);
      const modelId = await publish(contracts, modelOf(program), '');
      const reports: Report[] = [];
      const watcher = createWatcher({
        contracts: as(WATCHER),
        runner: shelf,
        listen: (report) => reports.push(report),
      });
      const provider = createProvider({
        contracts: as(PROVIDER),
        runner: shelf,
        solve: async () => hexOf(right[0]!),
      });
      await request(contracts, modelId, input, TERMS, 0n);
      await provider();
      await watcher();
      await watcher();
      expect(reports.map(({ kind }) => kind)).to.deep.equal(['verified']);
      await chain.pass(3601);
      await provider();
      expect(await statuses()).to.deep.equal(['final']);

      for (const [, answer] of wrong) {
        await request(contracts, modelId, input, TERMS, 0n);
        const runner = accepting(shelf, program.outputs[0]!);
        const lying = createProvider({ contracts: as(LIAR), runner, solve: async () => hexOf(answer) });
        for (let i = 0; i < 20 && (await statuses()).at(-1) !== 'falsified'; i++) {
          await lying();
          await watcher();
        }
        expect((await statuses()).at(-1)).to.equal('falsified');
      }
    });

    it(`attack 57: ${name}: no answer that is not accepted, or not found, is claimed`, async () => {
      const shelf = await shelfOf(checked);
      const modelId = await publish(contracts, modelOf(program), '');
      await request(contracts, modelId, input, TERMS, 0n);
      const failures: string[] = [];
      for (const solve of [async () => hexOf(wrong[0]![1]), async () => undefined, undefined]) {
        const provider = createProvider({
          contracts: as(PROVIDER),
          runner: shelf,
          ...(solve && { solve }),
          listen: (report) => report.kind === 'failed' && failures.push(report.sentence),
        });
        expect(await provider()).to.equal(0);
      }
      expect(failures).to.have.length(1);
      expect(failures[0]).to.include('does not accept');
    });
  }

  for (const bytes of [100, 5_000, 140_000]) {
    it(`attack 51: a watcher wins about a malformed program with a node of ${bytes} bytes`, async () => {
      const { program, weights } = layers();
      const whole = modelOf(program);
      const descriptors = whole.descriptors.map((original, i) =>
        i === 2 ? new Uint8Array(bytes).fill(255) : original,
      );
      const tree = new MerkleTree(PROGRAM_TREE, concat(descriptors.map(programLeaf)));
      const malformed = { ...whole, descriptors, tree };
      await publish(contracts, malformed, '');
      const { inputs, outputs, answers } = whole;
      const model = { nodeCount: 4, inputs, outputs, answers };
      const held: MalformedProgram = {
        descriptors,
        tree,
        malformation: findMalformation(descriptors, model)!,
      };
      const [published] = await contracts.registry.queryFilter(contracts.registry.filters.Published());
      const modelId = published!.args.modelId;

      // The claimant answers with what the program without the bad node computes, as far as it can.
      const session = await referenceEngine.load(program, weights);
      const run = new RunTrace({ ...malformed, program }, await session.runAll([layersInput(1)]));
      const output = run.tensors[outputs[0]!.node]!;
      const asked = await request(contracts, modelId, layersInput(1), TERMS, 0n);
      const input = { kind: 'bytes', bytes: hexlify(layersInput(1)) } as const;
      await claim(as(LIAR), { ...asked, input, status: 'open', callback: 'notRun', feeHeld: false }, output);
      const runner = new Shelf((model, tensors) => new RunTrace(model, tensors));
      runner.putMalformed(modelId, held);
      const reports: Report[] = [];
      const watcher = createWatcher({
        contracts: as(WATCHER),
        runner,
        listen: (report) => reports.push(report),
      });
      const shelf: Runner = {
        model: () => run.model,
        output: async () => hexlify(output),
        commitment: async () => run,
        trace: async () => run,
      };
      const lying = createProvider({ contracts: as(LIAR), runner: shelf, listen: () => undefined });
      await watcher();
      await lying();
      for (let i = 0; i < 6 && (await statuses())[0] === 'open'; i++) {
        await watcher();
        await lying();
        await chain.pass(60);
      }
      if ((await statuses())[0] === 'open') await chain.pass(3601);
      await watcher();
      expect(await statuses()).to.deep.equal(['falsified']);
      const done = reports.map((report) => (report.kind === 'moved' ? report.move.kind : report.kind));
      const ending = bytes > 130_000 ? ['demandNode', 'timedOut'] : ['proveMalformed'];
      expect(done).to.deep.equal(['challenged', ...ending, 'withdrawn']);
    });
  }
});
