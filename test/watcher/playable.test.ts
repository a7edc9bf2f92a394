import { expect } from 'chai';
import type { ClaimRecord, DisputeRecord } from '../../src/chain/contracts/world.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import { Background } from '../../src/chain/service/background.ts';
import type { Scene } from '../../src/chain/service/service.ts';
import { reportLine } from '../../src/cli/services/reportLine.ts';
import { encodeClock, startClock } from '../../src/dispute/clock.ts';
import { type PlayTime, type Runner, RunTooLong } from '../../src/store/runner.ts';
import { Playable } from '../../src/watcher/playable.ts';

const MODEL = `0x${'11'.repeat(32)}`;

/** A wrong claim on a model that a stranger named. */
const claimWith = (claimId: bigint, clockSeconds: bigint): ClaimRecord =>
  ({
    ...{ claimId, outputs: '0x', claimedAt: 0n, answer: { kind: 'roots' } },
    request: {
      input: { kind: 'bytes', bytes: '0x' },
      request: { modelId: MODEL, inputs: '0x', terms: { clockSeconds, windowSeconds: 100n } },
    },
  }) as unknown as ClaimRecord;

const runnerWith = (playTime: Runner['playTime']): Runner =>
  ({ model: () => undefined, playTime }) as unknown as Runner;

describe('a wrong claim on a model that a stranger named', () => {
  const lines: string[] = [];
  const background = new Background();
  const told = new Set<string>();
  const scene = {
    background,
    listen: (report: Report) => lines.push(reportLine(report)),
    once: (key: string, tell: () => void) => {
      if (!told.has(key)) tell();
      told.add(key);
    },
  } as unknown as Scene;
  beforeEach(() => {
    lines.length = 0;
    told.clear();
  });

  /** Asks until it is measured, and once more. */
  const admitted = async (playable: Playable, claim: ClaimRecord, load = 0): Promise<boolean> => {
    expect(playable.admits(claim, load, scene), 'before it is measured').to.equal(false);
    background.turn();
    await background.next(1000);
    playable.admits(claim, load, scene);
    return playable.admits(claim, load, scene);
  };
  const takes = (seconds: number): PlayTime => ({
    ...{ commitmentSeconds: seconds / 4, traceSeconds: seconds / 4, foldSeconds: seconds / 2 },
  });

  it('is challenged if its clock is several times the time that was measured', async () => {
    const asked: unknown[] = [];
    const runner = runnerWith(async (_model, _input, options) => {
      asked.push(options);
      return takes(100);
    });
    const playable = new Playable(runner, undefined);
    expect(await admitted(playable, claimWith(1n, 400n))).to.equal(true);
    expect(playable.seconds(`1/0x/0x/${MODEL}`)).to.equal(100);
    // Longer runs would not help, so they are ended.
    expect(asked).to.deep.equal([{ deadline: 100n, limitSeconds: 100 }]);
    expect(lines).to.deep.equal([]);
  });

  it('is unverified if its clock is shorter, which is said once, with the figures', async () => {
    const playable = new Playable(
      runnerWith(async () => takes(100)),
      undefined,
    );
    expect(await admitted(playable, claimWith(2n, 399n))).to.equal(false);
    expect(lines).to.deep.equal([
      'claim 2: differs from the run here, and not challenged, because a dispute takes 100.0 s of computing here ' +
        '(commitment 25.0, traces 25.0, folds 50.0), and other disputes 0.0 s; its clock of 399 s would have to be 4 times ' +
        'as long as all of that',
    ]);
  });

  it('is not challenged while other disputes take the time that its clock has', async () => {
    const playable = new Playable(
      runnerWith(async () => takes(100)),
      undefined,
    );
    const claim = claimWith(3n, 1000n);
    expect(await admitted(playable, claim, 200)).to.equal(false);
    expect(lines[0]).to.include('and other disputes 200.0 s');
    expect(playable.admits(claim, 150, scene)).to.equal(true);
  });

  it('is not measured again and again if that takes longer than its clock allows', async () => {
    let runs = 0;
    const runner = runnerWith(async () => {
      runs++;
      throw new RunTooLong('too long');
    });
    const playable = new Playable(runner, undefined);
    expect(await admitted(playable, claimWith(4n, 40n))).to.equal(false);
    expect(lines[0]).to.include('its commitment or trace takes more than 10 s of computing here');
    background.turn();
    await background.next(20);
    expect(runs).to.equal(1);
  });

  it('waits for what disputes take that were opened before a restart', async () => {
    const asked: unknown[] = [];
    const measure: Runner['playTime'] = async (_model, _input, options) => {
      asked.push(options);
      if (asked.length === 2) throw new RunTooLong('too long');
      return takes(100);
    };
    const runner = { model: () => ({ answers: [] }), playTime: measure } as unknown as Runner;
    const playable = new Playable(runner, undefined);
    const clock = encodeClock(startClock(1000, 2000, 0n));
    const open = [7n, 8n].map((claimId) => ({
      ...{ disputeId: claimId, claim: claimWith(claimId, 2000n), dispute: { clock } },
      view: { position: { phase: 'Root' } },
    })) as unknown as readonly DisputeRecord[];
    expect(playable.load(open, [], scene), 'before anything is measured').to.equal(0);
    for (const _ of open) {
      background.turn();
      await background.next(1000);
      playable.load(open, [], scene);
    }
    // One was too long to be measured to its end: it counts as the time that it was given.
    expect(playable.load(open, [], scene)).to.equal(100 + 500);
    expect(asked).to.deep.equal(Array(2).fill({ deadline: 3000n, limitSeconds: 500 }));
    expect(playable.load([], [], scene), 'once they have ended').to.equal(0);
  });

  it('is challenged at once if the operator chose the model, or nothing is measured', async () => {
    const chosen = new Playable(
      runnerWith(async () => undefined),
      undefined,
    );
    expect(await admitted(chosen, claimWith(5n, 1n))).to.equal(true);
    const plain = new Playable({ model: () => undefined } as unknown as Runner, undefined);
    expect(plain.admits(claimWith(6n, 1n), 0, scene)).to.equal(true);
  });
});
