import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { takeLease } from '../../src/chain/transactions/lease.ts';
import type { Turn } from '../support/leaseWorker.ts';

const PROCESSES = 4;
const ROUNDS = 50;

describe('the lease of a process that died', function () {
  this.timeout(60_000);
  let folder: string;
  let children: ChildProcess[];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'assay-lease-'));
  });
  after(() => {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  it('attack 52: goes to one of several processes that want it at the same instant', async () => {
    const worker = join(import.meta.dirname, '../support/leaseWorker.ts');
    children = Array.from({ length: PROCESSES }, () => fork(worker, { execArgv: ['--import', 'tsx'] }));
    const taken: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const path = join(folder, `${round}`);
      writeFileSync(
        path,
        JSON.stringify({ token: 'dead', pid: 2 ** 22 + 1, host: hostname(), started: '1' }),
      );
      const turn: Turn = { path, atMs: round === 0 ? 0 : Date.now() + 20 };
      const answers = children.map(async (child) => (await once(child, 'message'))[0] as boolean);
      for (const child of children) child.send(turn);
      taken.push((await Promise.all(answers)).filter(Boolean).length);
    }
    expect(taken).to.deep.equal(Array.from({ length: ROUNDS }, () => 1));
  });

  it('is taken over although its file is empty and of the future', () => {
    const path = join(folder, 'future');
    writeFileSync(path, '');
    const later = new Date(Date.now() + 10 ** 9);
    utimesSync(path, later, later);
    const lease = takeLease(path, 'account');
    lease.renew();
    lease.release();
  });
});
