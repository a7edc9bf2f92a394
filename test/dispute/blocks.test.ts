import { expect } from 'chai';
import { isAboveBlocks, moveAboveBlocks, nextMove } from '../../src/dispute/nextMove.ts';
import { equalBytes } from '../../src/merkle/keccak.ts';
import { concat, MerkleTree, TRACE_TREE } from '../../src/merkle/tree.ts';
import { blockOf, isCheckpoint, withCheckpoints } from '../../src/program/blocks.ts';
import { sizeOf } from '../../src/program/node.ts';
import { validate } from '../../src/program/validate.ts';
import { type Fault, plantFaults } from '../../src/trace/fault.ts';
import type { Trace } from '../../src/trace/trace.ts';
import { chainProgram } from '../support/chainProgram.ts';
import { withOtherCheckpoints, withOtherMarks } from '../support/checkpointLiar.ts';
import { honestTrace, openGame, play, withChanges } from '../support/disputes.ts';
import { Revert } from '../support/gameSimulation.ts';
import { allCheckpoints } from '../support/programs.ts';
import { Random } from '../support/randomProgram.ts';

async function chain(seed: number, nodes: number): Promise<Trace> {
  const { program, weights, inputs } = chainProgram(new Random(seed), nodes);
  expect(validate(program)).to.deep.equal([]);
  return honestTrace(program, weights, inputs);
}

describe('blocks', () => {
  it('a trace commits to what other blocks read and to outputs, and to no more', async () => {
    const honest = await chain(1, 100);
    const { program } = honest.model;
    const read = new Set(program.outputs);
    for (const [i, node] of program.nodes.entries()) {
      if (node.kind !== 'loop') continue;
      for (const operand of node.operands) if (operand.node >> 4 !== i >> 4) read.add(operand.node);
    }
    let open = 0;
    for (const [i, node] of program.nodes.entries()) {
      const committed = !equalBytes(honest.node(0, i), TRACE_TREE.padding);
      expect(committed, `node ${i}`).to.equal(node.kind !== 'loop' || read.has(i));
      if (!committed) open++;
    }
    expect(open).to.be.above(20);
  });

  it('a program that lacks a mark is malformed', async () => {
    const { program } = (await chain(1, 100)).model;
    for (const [i, node] of program.nodes.entries()) {
      if (node.kind !== 'loop' || !node.checkpoint) continue;
      const nodes = program.nodes.with(i, { ...node, checkpoint: false });
      const rules = validate({ ...program, nodes }).map(({ rule }) => rule);
      expect(rules).to.include(program.outputs.includes(i) ? 'checkpoint' : 'operand checkpoint');
    }
    expect(validate(allCheckpoints(program))).to.deep.equal([]);
  });

  it('a program of at most 32 nodes is one block without marks', async () => {
    const honest = await chain(3, 32);
    for (const i of honest.model.program.nodes.keys()) {
      expect(honest.node(0, i)).to.deep.equal(honest.tensorRoot(i));
    }
    expect(withCheckpoints(allCheckpoints(honest.model.program))).to.deep.equal(honest.model.program);
  });

  it('a lie from which everything follows is isolated, whatever block it is in', async function () {
    this.timeout(120_000);
    let isolated = 0;
    for (const [seed, nodes] of [
      [11, 33],
      [12, 50],
      [13, 64],
      [14, 65],
      [15, 130],
      [16, 300],
    ] as const) {
      const honest = await chain(seed, nodes);
      const random = new Random(seed);
      const tried = new Set([0, 15, 16, 31, 32, nodes - 1, ...random.times(14, () => random.below(nodes))]);
      for (const node of tried) {
        const target = honest.model.program.nodes[node]!;
        const fold = target.kind === 'loop' ? sizeOf(target.fold) : 1;
        const fault: Fault = { node, element: random.below(70), step: random.below(fold) };
        const liar = plantFaults(honest, [target.kind === 'loop' ? fault : { node, element: fault.element }]);
        const game = openGame(liar, honest);
        // Odd factors keep a difference alive.
        expect(play(game, liar, honest), `node ${node} of ${nodes}`).to.equal('challenger');
        expect(game.outcome?.nodeIndex).to.equal(node);
        if (target.kind !== 'loop') continue;
        expect(game.outcome?.stretch?.element).to.equal(fault.element);
        isolated++;
        const held = openGame(honest, honest);
        expect(() => play(held, honest, liar)).to.throw(Revert, 'NothingWrong');
      }
    }
    expect(isolated).to.be.above(70);
  });

  it('a lie that never leaves its block makes no claim false', async () => {
    const { program, weights, inputs } = chainProgram(new Random(21), 100);
    const honest = await honestTrace(program, weights, inputs);
    const node = program.nodes.findIndex((one) => one.kind === 'loop' && !one.checkpoint);
    // Nothing that follows is computed from it.
    const liar = plantFaults(honest, [{ node, element: 5 }], (_loop, _tensors, i) => honest.tensors[i]!);
    expect(liar.root).to.deep.equal(honest.root);
    const game = openGame(liar, honest);
    expect(play(game, liar, honest)).to.equal('claimant');
    expect(game.view.position.phase).to.equal('TracePick');
  });

  it('moves above the blocks follow from the commitment alone', async () => {
    const honest = await chain(22, 300);
    const liar = plantFaults(honest, [{ node: 200, element: 3 }]);
    const game = openGame(liar, honest);
    let moves = 0;
    while (isAboveBlocks(game.view)) {
      const role = game.mover;
      const trace = role === 'claimant' ? liar : honest;
      const { model, depth, root } = trace;
      const commitment = { model, depth, root, node: (level: number, i: number) => trace.node(level, i) };
      const move = moveAboveBlocks(game.view, commitment, role)!;
      expect(move).to.deep.equal(nextMove(game.view, trace, role));
      game.play(move);
      moves++;
    }
    expect(moves).to.equal(2);
    expect(game.view.position).to.deep.include({ phase: 'NodeReveal', index: 200 >> 5 });
    expect(moveAboveBlocks(game.view, liar, 'claimant')).to.equal(undefined);
  });

  describe('a claimant with other checkpoints than the program', () => {
    let honest: Trace;
    before(async () => {
      honest = await chain(31, 100);
    });

    const attempt = (wrong: ReadonlySet<number>) => {
      const liar = withOtherCheckpoints(honest, wrong);
      const game = openGame(honest, honest);
      while (!game.outcome) {
        const role = game.mover;
        const move = nextMove(game.view, role === 'claimant' ? liar : honest, role);
        const played = role === 'claimant' ? withOtherMarks(move, game.view.position, wrong) : move;
        if (!played) throw new Error(`the ${role} has nothing to say in ${game.view.position.phase}`);
        game.play(played);
      }
      return game.outcome;
    };

    it('loses, be it one too many or one too few', () => {
      const { program } = honest.model;
      const one = (is: boolean): number[] =>
        program.nodes.flatMap((_, i) =>
          isCheckpoint(program, i) === is && !program.outputs.includes(i) ? [i] : [],
        );
      for (const node of [...one(true), ...one(false)]) {
        const outcome = attempt(new Set([node]));
        expect(outcome).to.deep.include({ winner: 'challenger', reason: 'WrongCheckpoint', nodeIndex: node });
      }
    });

    it('cannot show its block without the wrong marks', () => {
      const wrong = new Set([
        honest.model.program.nodes.findIndex((one) => one.kind === 'loop' && !one.checkpoint),
      ]);
      const liar = withOtherCheckpoints(honest, wrong);
      const game = openGame(honest, honest);
      expect(() => play(game, liar, honest)).to.throw(Revert, 'StateMismatch');
    });

    it('attack 24: a claimant cannot show a tensor beyond the last node', () => {
      const lie = new Uint8Array(32).fill(7);
      const { nodes } = honest.model.program;
      const leaves = Array.from({ length: 128 }, (_, i) => (i === 101 ? lie : honest.node(0, i)));
      const tree = new MerkleTree(TRACE_TREE, concat(leaves));
      const liar = withChanges(honest, {
        root: tree.root,
        node: (level, index) => tree.node(level, index),
        tensorRoot: (i) => (i === 101 ? lie : honest.tensorRoot(i)),
      });
      const game = openGame(honest, honest);
      while (!game.outcome) {
        const role = game.mover;
        const move = nextMove(game.view, role === 'claimant' ? liar : honest, role)!;
        // Only with its mark does the block show what the trace commits to.
        game.play(
          move.kind === 'revealBlock' ? { ...move, checkpoints: move.checkpoints | (1 << (101 & 15)) } : move,
        );
      }
      expect(game.outcome).to.deep.include({ winner: 'challenger', reason: 'WrongPadding' });
      expect(blockOf(101, honest.depth)).to.equal(blockOf(nodes.length - 1, honest.depth));
    });
  });

  it('an honest claimant is not accused of its marks', async () => {
    for (const [nodes, error] of [
      [100, 'NothingWrong'],
      [20, 'SingleBlock'],
    ] as const) {
      const honest = await chain(41, nodes);
      const liar = plantFaults(honest, [{ node: 18, element: 0 }]);
      const game = openGame(honest, honest);
      while (game.view.position.phase !== 'NodePick') {
        const role = game.mover;
        game.play(nextMove(game.view, role === 'claimant' ? honest : liar, role)!);
      }
      const { index, depthLeft } = game.view.position;
      const block = new MerkleTree(TRACE_TREE, concat(game.view.blockReveal));
      for (let child = 0; child < 2 ** depthLeft; child++) {
        const at = index * 2 ** depthLeft + child;
        const { model } = honest;
        const beyond = at >= nodes;
        const node = beyond
          ? { descriptor: new Uint8Array(0), siblings: [] }
          : { descriptor: model.descriptors[at]!, siblings: model.tree.proof(at) };
        const move = { kind: 'proveCheckpoint', blockRoot: block.root, child, node } as const;
        expect(() => game.play(move)).to.throw(
          Revert,
          error === 'SingleBlock' || !beyond ? error : 'IndexOutOfRange',
        );
      }
    }
  });
});
