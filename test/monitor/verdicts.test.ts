import { expect } from 'chai';
import { type ClaimRecord, type World, windowEnd } from '../../src/chain/contracts/world.ts';
import type { ReadInput } from '../../src/chain/service/inputs.ts';
import { hexOf } from '../../src/merkle/keccak.ts';
import { commitInput, modelOf, totalBytes } from '../../src/merkle/model.ts';
import { USUAL_THRESHOLDS } from '../../src/monitor/alarms.ts';
import { Monitor } from '../../src/monitor/monitor.ts';
import { Verdicts } from '../../src/monitor/verdicts.ts';
import type { Runner } from '../../src/store/runner.ts';
import { layers, layersInput } from '../support/layers.ts';
import { TERMS } from '../support/protocol.ts';

const model = modelOf(layers().program);
const NOW = 100_000;
let lastId = 0n;

/** An open claim on a model; its input is on chain or at a server. */
function claimOn(modelId: string, kind: 'bytes' | 'roots' = 'bytes', windowLeft = 3600): ClaimRecord {
  const claimId = ++lastId;
  const bytes = layersInput(Number(claimId));
  return {
    ...{ claimId, claimant: '0x01', outputs: '0xfalse', status: 'open', answer: { kind: 'roots' } },
    claimedAt: BigInt(NOW + windowLeft) - TERMS.windowSeconds,
    request: {
      requestId: claimId,
      request: { modelId, inputs: hexOf(commitInput(model, bytes)), terms: TERMS },
      input: kind === 'bytes' ? { kind, bytes: hexOf(bytes) } : { kind, roots: [], uri: '' },
    },
  } as unknown as ClaimRecord;
}

const claimsOn = (count: number, ...args: Parameters<typeof claimOn>): ClaimRecord[] =>
  Array.from({ length: count }, () => claimOn(...args));

const worldOf = (claims: readonly ClaimRecord[]): World =>
  ({
    block: { number: 1, hash: '0x', timestamp: BigInt(NOW) },
    claims: new Map(claims.map((claim) => [claim.claimId, claim])),
    disputes: new Map(),
  }) as unknown as World;

/** The models `held`, and `slow`, whose runs never end. */
function judging({ held = ['held', 'slow'], read }: { held?: string[]; read?: ReadInput } = {}) {
  const begun: string[] = [];
  const told: string[] = [];
  const runner = {
    model: (id: string) => (held.includes(id) ? model : undefined),
    share: (id: string) => id,
    output: (id: string) => {
      begun.push(id);
      if (id === 'slow') return new Promise<string>(() => undefined);
      return Promise.resolve(hexOf(new Uint8Array(totalBytes(model.outputs))));
    },
  } as unknown as Runner;
  const clock = { ms: 0 };
  const verdicts = new Verdicts(
    runner,
    read,
    {
      onVerdict: ({ claimId }, verdict) => told.push(`${claimId} ${verdict}`),
      onFailure: (_, failure) => told.push(`${failure}`),
    },
    () => clock.ms,
  );
  return { verdicts, begun, told, clock };
}

const turnOfEvents = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('verdicts of a monitor', () => {
  it('are had whatever number of claims is on models that are not held', async () => {
    const { verdicts } = judging();
    const monitor = new Monitor(verdicts, USUAL_THRESHOLDS);
    const claims = [...claimsOn(1000, 'other', 'bytes', 60), claimOn('held')];
    const look = () => monitor.look(worldOf(claims), () => undefined, NOW).alarms.map(({ name }) => name);
    look();
    await verdicts.settled();
    expect(look()).to.include('false-claim-unchallenged');
  });

  it('are had in the first look after a model was fetched', async () => {
    const held: string[] = [];
    const { verdicts, told } = judging({ held });
    const claim = claimOn('held');
    verdicts.look([claim]);
    held.push('held');
    verdicts.look([claim]);
    await verdicts.settled();
    expect(told).to.deep.equal([`${claim.claimId} unknown`, `${claim.claimId} wrong`]);
  });

  it('attack 53: servers that never answer hold up no claim whose input is on chain', async () => {
    const { verdicts } = judging({ read: () => new Promise(() => undefined) });
    const claim = claimOn('held');
    verdicts.look([...claimsOn(100, 'held', 'roots', 60), claim]);
    await turnOfEvents();
    expect(verdicts.on(claim)).to.equal('wrong');
  });

  it('attack 53: inputs that can be had are read, whatever number cannot', async () => {
    const good = claimOn('held', 'roots');
    const read: ReadInput = async ({ requestId }) =>
      requestId === good.request.requestId ? hexOf(layersInput(Number(requestId))) : undefined;
    const { verdicts } = judging({ read });
    verdicts.look([...claimsOn(100, 'held', 'roots', 60), good]);
    await verdicts.settled();
    expect(verdicts.on(good)).to.equal('wrong');
  });

  it('of a model do not wait for runs of one that is slow', async () => {
    const { verdicts, begun } = judging();
    const claims = claimsOn(20, 'held');
    verdicts.look([...claimsOn(20, 'slow', 'bytes', 60), ...claims]);
    await turnOfEvents();
    expect(claims.map((claim) => verdicts.on(claim))).to.deep.equal(claims.map(() => 'wrong'));
    expect(begun.filter((id) => id === 'slow')).to.have.length(8);
  });

  it('of claims whose window runs come first, and leave room for new ones', async () => {
    const { verdicts, begun } = judging();
    const monitor = new Monitor(verdicts, USUAL_THRESHOLDS);
    const late = claimsOn(20, 'slow', 'bytes', -60);
    monitor.look(worldOf(late), () => undefined, NOW);
    await turnOfEvents();
    expect(begun).to.have.length(4);
    monitor.look(worldOf([...late, ...claimsOn(20, 'slow')]), () => undefined, NOW);
    await turnOfEvents();
    expect(begun).to.have.length(8);
    expect(late.every((claim) => windowEnd(claim) < NOW)).to.equal(true);
  });

  it('that could not be had are looked for again, after those never looked for', async () => {
    const asked: bigint[] = [];
    const read: ReadInput = async ({ requestId }) => {
      asked.push(requestId);
      return undefined;
    };
    const { verdicts, clock } = judging({ read });
    const [old, fresh] = [claimOn('held', 'roots', 60), claimOn('held', 'roots')];
    for (const ms of [0, 10_000, 29_999]) {
      clock.ms = ms;
      verdicts.look([old]);
      await verdicts.settled();
    }
    clock.ms = 30_000;
    verdicts.look([old, fresh]);
    await verdicts.settled();
    expect(asked).to.deep.equal([1n, 2n, 1n].map((one) => old.claimId + one - 1n));
  });

  it('end with their monitor: nothing is begun after that, and nothing told', async () => {
    const { verdicts, begun, told } = judging();
    verdicts.look(claimsOn(20, 'held'));
    verdicts.end();
    verdicts.look(claimsOn(1, 'held'));
    await verdicts.settled();
    expect([told, verdicts.pending]).to.deep.equal([[], 0]);
    expect(begun.length).to.be.at.most(16);
  });
});
