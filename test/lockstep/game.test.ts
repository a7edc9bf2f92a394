import { expect } from 'chai';
import { challenge, claim, sendMove } from '../../src/chain/actions/actions.ts';
import { Refused } from '../../src/chain/actions/submit.ts';
import type { Contracts } from '../../src/chain/contracts/contracts.ts';
import type { ClaimRecord, DisputeRecord } from '../../src/chain/contracts/world.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import { publish, request } from '../../src/client/client.ts';
import type { Move } from '../../src/dispute/move.ts';
import { nextMove } from '../../src/dispute/nextMove.ts';
import type { Position } from '../../src/dispute/position.ts';
import { blockRootOf, type DisputeView } from '../../src/dispute/view.ts';
import { equalBytes, hexOf } from '../../src/merkle/keccak.ts';
import { claimedRefs, commitInput, commitOutput } from '../../src/merkle/model.ts';
import { concat } from '../../src/merkle/tree.ts';
import { type Node, sizeOf } from '../../src/program/node.ts';
import { type Fault, plantFaults } from '../../src/trace/fault.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { chainProgram } from '../support/chainProgram.ts';
import { checkedPrograms } from '../support/checkedPrograms.ts';
import { withOtherCheckpoints, withOtherMarks } from '../support/checkpointLiar.ts';
import { honestTrace, openGame } from '../support/disputes.ts';
import { type Outcome, Revert } from '../support/gameSimulation.ts';
import { type PaddingLie, paddingLiar } from '../support/paddingLiar.ts';
import { asAccount, type DevelopmentChain, deployed, startChain, TERMS } from '../support/protocol.ts';
import { boundaryProgram, Random } from '../support/randomProgram.ts';
import { claimsIn, disputesIn } from '../support/records.ts';

const CLAIMANT = 1;
const CHALLENGER = 2;

const bytesOf = (trace: Trace, refs: Trace['model']['inputs']): Uint8Array =>
  concat(refs.map(({ node }) => trace.tensors[node]!));

/** Any element of any node, in any step of its fold or behind it. */
function randomFault(random: Random, nodes: readonly Node[]): Fault | undefined {
  const node = random.below(nodes.length);
  const { kind, shape, ...rest } = nodes[node]!;
  const elements = sizeOf(shape);
  if (elements === 0) return undefined;
  const steps = kind === 'loop' && 'fold' in rest ? sizeOf(rest.fold) : 0;
  const fault = { node, element: random.below(elements), xor: 1 << random.below(8) };
  return steps > 0 && random.chance(70) ? { ...fault, step: random.below(steps) } : fault;
}

describe('lockstep: the game on chain and its rules in memory', () => {
  let chain: DevelopmentChain;
  let contracts: Contracts;
  let history: EventIndex;
  before(async () => {
    chain = await startChain('in-process');
    contracts = await deployed(chain);
    history = new EventIndex(contracts);
  });
  after(() => chain.stop());

  const as = (index: number) => asAccount(contracts, chain, index);

  /** Requests what `requested` starts from, claims what `claimed` ends in or `supplied` answers, and opens a dispute. */
  async function open(claimed: Trace, requested: Trace, supplied: Trace): Promise<DisputeRecord> {
    const { model } = claimed;
    const modelId = await publish(contracts, model, '');
    expect(modelId).to.equal(hexOf(model.id));
    const input = bytesOf(requested, model.inputs);
    const asked = await request(contracts, modelId, input, TERMS, 0n);
    expect(asked.request.inputs).to.equal(hexOf(commitInput(model, input)));
    const output = bytesOf(supplied, claimedRefs(model));
    const record = { ...asked, input: { kind: 'bytes', bytes: hexOf(input) } } as const;
    await claim(as(CLAIMANT), { ...record, status: 'open', callback: 'notRun', feeHeld: false }, output);
    const claimRecord = claimsIn(await history.update()).at(-1) as ClaimRecord;
    expect(claimRecord.outputs).to.equal(hexOf(commitOutput(model, output)));
    await challenge(as(CHALLENGER), claimRecord);
    return disputesIn(await history.update()).at(-1) as DisputeRecord;
  }

  /** Plays on chain and in memory at once, comparing what both sides see after every move. */
  async function playBoth(
    honest: Trace,
    claimant: Trace,
    challenger: Trace,
    changed = (move: Move | undefined, _position: Position, _view: DisputeView): Move | undefined => move,
    supplied = claimant,
  ): Promise<Outcome | Revert> {
    let record = await open(claimant, honest, supplied);
    const game = openGame(claimant, honest, supplied);
    for (;;) {
      expect(record.view).to.deep.equal(game.view);
      const { mover } = game;
      const { position } = game.view;
      const move = changed(
        nextMove(game.view, mover === 'claimant' ? claimant : challenger, mover),
        position,
        game.view,
      );
      if (!move) throw new Error(`the ${mover} has nothing to say in ${game.view.position.phase}`);
      let revert: Revert | undefined;
      try {
        game.play(move);
      } catch (error) {
        if (!(error instanceof Revert)) throw error;
        revert = error;
      }
      const sent = sendMove(as(mover === 'claimant' ? CLAIMANT : CHALLENGER), record, move);
      if (revert) {
        const refused = await sent.then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(refused, `${move.kind} is refused`).to.be.instanceOf(Refused);
        expect((refused as Refused).error).to.equal(revert.message);
        return revert;
      }
      await sent;
      record = (await history.update()).dispute(record.disputeId) as DisputeRecord;
      if (!game.outcome) continue;
      const winner = await chain.account(CHALLENGER).getAddress();
      expect(record.ended).to.deep.equal({ winner, reason: game.outcome.reason });
      return game.outcome;
    }
  }

  it('agree on every move about random faults in random programs, right or wrong', async function () {
    this.timeout(600_000);
    const random = new Random(40);
    const programs = process.env['ASSAY_LONG'] ? 150 : 20;
    let disputes = 0;
    for (let i = 0; i < programs; i++) {
      const { program, weights, inputs } = boundaryProgram(random);
      const honest = await honestTrace(program, weights, inputs);
      const fault = randomFault(random, program.nodes);
      if (!fault) continue;
      const faulty = plantFaults(honest, [fault]);
      const outcome = await playBoth(honest, faulty, honest);
      expect(outcome).to.deep.include({ winner: 'challenger', nodeIndex: fault.node });
      expect(await playBoth(honest, honest, faulty)).to.be.instanceOf(Revert);
      disputes += 2;
    }
    expect(disputes).to.be.above(programs);
  });

  it('agree on programs of several blocks, of 16 nodes and of 32', async function () {
    this.timeout(600_000);
    const random = new Random(42);
    for (const nodes of [33, 100, 257]) {
      const { program, weights, inputs } = chainProgram(random, nodes);
      const honest = await honestTrace(program, weights, inputs);
      for (const node of [0, 15, 16, nodes - 2, nodes - 1, random.below(nodes)]) {
        const faulty = plantFaults(honest, [{ node, element: random.below(70) }]);
        const outcome = await playBoth(honest, faulty, honest);
        expect(outcome).to.deep.include({ winner: 'challenger', nodeIndex: node });
        expect(await playBoth(honest, honest, faulty)).to.be.instanceOf(Revert);
      }
      const isOpen = program.nodes.findIndex((one, i) => i > 16 && one.kind === 'loop' && !one.checkpoint);
      const isMarked = program.nodes.findIndex((one) => one.kind === 'loop' && one.checkpoint);
      for (const node of [0, isOpen, isMarked]) {
        const wrong = new Set([node]);
        const liar = withOtherCheckpoints(honest, wrong);
        const outcome = await playBoth(honest, liar, honest, (move, position) =>
          withOtherMarks(move, position, wrong),
        );
        expect(outcome).to.deep.include({ reason: 'WrongCheckpoint', nodeIndex: node });
        expect(await playBoth(honest, liar, honest)).to.be.instanceOf(Revert);
      }
    }
  });

  it('attack 57: agree on answers that a program checks, right or wrong', async function () {
    this.timeout(600_000);
    for (const { program, weights, input, right, wrong } of checkedPrograms()) {
      const run = (answer: Uint8Array) => honestTrace(program, weights, [input, answer]);
      const honest = await run(right[0]!);
      for (const node of program.nodes.keys()) {
        const mistaken = plantFaults(honest, [{ node, element: 0 }]);
        // A lie that never leaves its block is no reason to say anything.
        if (equalBytes(mistaken.root, honest.root)) continue;
        expect(await playBoth(honest, honest, mistaken)).to.be.instanceOf(Revert);
      }
      for (const [, answer] of wrong) {
        const trace = await run(answer);
        const refused = await playBoth(trace, trace, trace);
        expect(refused).to.be.instanceOf(Revert).with.property('message', 'NotAccepted');
        const outcome = await playBoth(trace, honest, trace, undefined, trace);
        expect(outcome).to.deep.include({ reason: 'WrongAnswer', nodeIndex: program.answers![0] });
        const accept = { node: program.outputs[0]!, element: 0 };
        const lie = await playBoth(trace, plantFaults(trace, [accept]), trace);
        expect(lie).to.deep.include({ reason: 'WrongWord', nodeIndex: accept.node });
      }
    }
  });

  it('attack 51: agree on a demanded node, of any kind, opened by its claimant', async () => {
    const random = new Random(43);
    for (const nodes of [20, 100]) {
      const { program, weights, inputs } = chainProgram(random, nodes);
      const honest = await honestTrace(program, weights, inputs);
      const faulty = plantFaults(honest, [{ node: nodes - 3, element: 0 }]);
      for (const child of [0, 3, 15]) {
        const demanding = (move: Move | undefined, { phase, lo }: Position, view: DisputeView) =>
          phase === 'NodePick' && lo === 0
            ? ({ kind: 'demandNode', blockRoot: blockRootOf(view), child } as const)
            : move;
        const first = nodes === 20 ? 0 : 96;
        const outcome = await playBoth(honest, faulty, honest, demanding);
        if (first + child >= nodes) expect(outcome).to.be.instanceOf(Revert);
        else expect(outcome).to.deep.include({ reason: 'WrongWord', nodeIndex: nodes - 3 });
        const again = (move: Move | undefined, { phase }: Position, view: DisputeView) =>
          phase === 'NodePick'
            ? ({ kind: 'demandNode', blockRoot: blockRootOf(view), child: 0 } as const)
            : move;
        const refused = await playBoth(honest, faulty, honest, again);
        expect(refused).to.be.instanceOf(Revert).with.property('message', 'AlreadyDemanded');
      }
    }
  });

  it('agree on padding of a tensor and of the trace', async () => {
    const random = new Random(41);
    // Nodes so many that the trace's tree has padding, and some tensor that ends inside a chunk.
    const found = Array.from({ length: 100 }, () => boundaryProgram(random)).find(
      ({ program: { nodes } }) =>
        nodes.length === 7 && nodes.some(({ kind, shape }) => kind === 'loop' && sizeOf(shape) === 257),
    )!;
    const honest = await honestTrace(found.program, found.weights, found.inputs);
    const node = found.program.nodes.findIndex(({ kind, shape }) => kind === 'loop' && sizeOf(shape) === 257);
    const { length } = honest.tensors[node]!;
    const lies: PaddingLie[] = [
      { kind: 'node', index: 7 },
      { kind: 'byte', node, byte: length },
      // 257 elements of four bytes make five chunks of eight.
      ...(length > 257 ? [{ kind: 'chunk', node, chunk: 6 } as const] : []),
    ];
    for (const lie of lies) {
      const liar = paddingLiar(honest, lie);
      expect(await playBoth(honest, liar, honest)).to.deep.include({ reason: 'WrongPadding' });
      expect(await playBoth(honest, honest, liar)).to.be.instanceOf(Revert);
    }
  });
});
