import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Case, World } from '../../../src/chain/contracts/world.ts';
import { EventIndex } from '../../../src/chain/index/eventIndex.ts';
import { Random } from '../randomProgram.ts';
import { type Faults, faultyNode, NO_FAULTS } from './faultyLogs.ts';
import { contractsOver, SimulatedChain } from './simulatedChain.ts';
import type { SimulatedRequest } from './simulatedState.ts';

/** Keeps only the end of what has ended: nobody moves in it, so its events are not checked one by one. */
const outcome = <T extends { ended: object | undefined; disputeId: bigint }>(one: T) =>
  one.ended ? { disputeId: one.disputeId, ended: one.ended } : one;

/** The comparable part of a case as an index has it. */
function recorded({ request, claims, disputes }: Case) {
  const bytes = ({ kind, ...rest }: { kind: string; bytes?: string }) =>
    kind === 'bytes' ? rest.bytes : kind;
  return {
    ...request,
    input: bytes(request.input),
    claims: [...claims.values()].map(({ request: _, answer, ...claim }) => ({
      ...claim,
      answer: bytes(answer),
      disputes: [...disputes.values()]
        .filter((one) => one.claim.claimId === claim.claimId)
        .map(({ claim: _claim, ...dispute }) => outcome(dispute)),
    })),
  };
}

const simulated = ({ claims, ...request }: SimulatedRequest) => ({
  ...request,
  claims: claims.map(({ disputes, ...claim }) => ({
    ...claim,
    disputes: disputes.map(({ step: _, ...dispute }) => outcome(dispute)),
  })),
});

/** Every request that is shown is exactly what happened up to the world's block. */
function expectTrue(world: World, chain: SimulatedChain): void {
  const block = chain.blocks[world.block.number];
  // A look may have come before the latest reorganisation was seen.
  if (block?.hash !== world.block.hash) return;
  for (const [requestId, one] of world.cases) {
    const expected = block.state.requests[Number(requestId) - 1];
    expect(expected, `request ${requestId}`).to.not.equal(undefined);
    expect(recorded(one), `request ${requestId}`).to.deep.equal(simulated(expected as SimulatedRequest));
  }
}

export interface Followed {
  readonly looks: number;
  readonly failed: number;
  readonly events: number;
}

/**
 * Follows a random chain, with reorganisations and restarts, through a node that answers wrongly at random. What is shown
 * must be true at every look, and complete once the node is honest.
 */
export async function followThroughFaults(seed: number): Promise<Followed> {
  const random = new Random(seed);
  const chain = new SimulatedChain(random, { timesInLogs: random.chance(50) });
  const faults: Faults = { ...NO_FAULTS };
  const folder = random.chance(50) ? mkdtempSync(join(tmpdir(), 'assay-index-')) : undefined;
  const open = () => new EventIndex(contractsOver(faultyNode(chain, random, faults)), { folder });
  const counts = { looks: 0, failed: 0 };
  let index = open();
  const look = async (): Promise<void> => {
    counts.looks++;
    try {
      expectTrue(await index.update(), chain);
    } catch (failure) {
      if (failure instanceof Error && failure.name === 'AssertionError') throw failure;
      counts.failed++;
    }
  };
  try {
    // Some of it is there before anybody looks, some of that too deep to be read again by itself.
    for (let i = random.below(150); i > 0; i--) chain.mine(random.chance(30) ? 1 : 0);
    for (let step = 0; step < 25; step++) {
      Object.assign(faults, { logs: random.below(80), heads: random.below(20), failures: random.below(2) });
      faults.range = random.chance(30) ? 1 + random.below(30) : Number.POSITIVE_INFINITY;
      for (let i = random.below(4); i > 0; i--) chain.mine(random.below(4));
      if (random.chance(15)) {
        const depth = 1 + random.below(20);
        chain.drop(depth);
        for (let i = depth + random.below(3); i > 0; i--) chain.mine(random.below(3));
      }
      if (folder !== undefined && random.chance(10)) {
        index.close();
        index = open();
      }
      await look();
    }
    Object.assign(faults, NO_FAULTS);
    chain.mine(1);
    await look();
    const world = await index.update();
    expectTrue(world, chain);
    expect(world.block.hash).to.equal(chain.head.hash);
    const all = chain.head.state.requests.map(({ requestId }) => requestId);
    const settled = await Promise.all(all.filter((id) => !world.cases.has(id)).map((id) => index.recall(id)));
    for (const one of settled) {
      expect(one, 'what is over can be read again').to.not.equal(undefined);
      const expected = chain.head.state.requests[Number(one?.request.requestId) - 1] as SimulatedRequest;
      expect(recorded(one as Case)).to.deep.equal(simulated(expected));
    }
    const events = chain.blocks.reduce((sum, { logs }) => sum + logs.length, 0);
    return { ...counts, events };
  } finally {
    index.close();
    if (folder !== undefined) rmSync(folder, { recursive: true });
  }
}
