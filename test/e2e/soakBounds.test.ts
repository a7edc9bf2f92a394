import { expect } from 'chai';
import type { SoakFigures } from '../support/chaos/soak.ts';
import { soakExcess } from '../support/chaos/soakBounds.ts';

const SAMPLE = {
  ...{ providerMegabytes: 150, watcherMegabytes: 140, providerThreads: 11, watcherThreads: 11 },
  ...{ files: 9, fileMegabytes: 1 },
};
const FLAT = {
  ...{ providerMegabytes: 0.1, watcherMegabytes: -0.02, providerThreads: 0, watcherThreads: 0 },
  ...{ files: 0, fileMegabytes: 0.05 },
};
const GOOD: SoakFigures = {
  ...{ requests: 100, lies: 30, falsifiedLies: 30, finalLies: 0, lostClaims: 0 },
  ...{ disputes: 30, lostDisputes: 0, doubleChallenges: 0, sent: 400, twice: 0, reverted: 3 },
  ...{ chainHours: 8, answered: 100, wrongAnswers: 0, falseChallenges: 20 },
  ...{ calls: 9000, faults: 200, reorganisations: 5 },
  ...{ first: SAMPLE, last: SAMPLE, most: SAMPLE, growth: FLAT, ended: [0, 0] },
};

describe('a soak', () => {
  it('passes while memory and files stay flat and every answer is right', () => {
    expect(soakExcess(GOOD)).to.deep.equal([]);
    // Logs of the database that fill up for the first time.
    expect(soakExcess({ ...GOOD, growth: { ...FLAT, fileMegabytes: 1.5 } })).to.deep.equal([]);
  });

  it('fails, with each figure, if something grows, is wrong or does not end', () => {
    const bad: SoakFigures = {
      ...{ ...GOOD, answered: 99, wrongAnswers: 1, falsifiedLies: 29, twice: 2, ended: [0, 'SIGKILL'] },
      growth: { ...FLAT, watcherMegabytes: 0.101, files: 0.5, fileMegabytes: 0.2 },
      last: { ...SAMPLE, fileMegabytes: 17 },
    };
    expect(soakExcess(bad)).to.deep.equal([
      'memory of the watcher: 10.1 % more than before, 10 % at most',
      'files in the data folders: 50 % more than before, 10 % at most',
      'bytes in the data folders: 20 % more than before, 10 % at most',
      'final answers that are wrong: 1',
      'calls that were sent twice: 2',
      'requests without a final answer: 1',
      'lies that were not falsified: 1',
      'a service ended with SIGKILL when it was told to',
    ]);
  });
});
