import { expect } from 'chai';
import { durationText } from '../../src/operator/duration.ts';
import { Failures } from '../../src/operator/failures.ts';
import { createLog, type LogFormat, type LogLevel } from '../../src/operator/log.ts';

function written(format: LogFormat, level: LogLevel) {
  const out: string[] = [];
  const err: string[] = [];
  const sink = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  return { out, err, log: createLog({ format, level, sink, now: () => 1_000 }) };
}

describe('the log of a service', () => {
  it('has time and level on every line; warnings and errors go to stderr', () => {
    const { out, err, log } = written('text', 'info');
    log.debug('left out');
    log.info('claim 1: right', { claim: '1' });
    log.warn('two\nlines');
    log.error('failed');
    const at = '1970-01-01T00:00:01.000Z';
    expect(out).to.deep.equal([`${at} info  claim 1: right`]);
    expect(err).to.deep.equal([`${at} warn  two lines`, `${at} error failed`]);
  });

  it('has one JSON object a line with its fields, whatever the message holds', () => {
    const { out, err, log } = written('json', 'debug');
    log.debug('a "quoted"\nmessage', { claim: '12', gas: 5 });
    log.error('no');
    expect(out.map((line) => JSON.parse(line))).to.deep.equal([
      { level: 'debug', time: '1970-01-01T00:00:01.000Z', claim: '12', gas: 5, msg: 'a "quoted"\nmessage' },
    ]);
    expect(err.map((line) => JSON.parse(line).level)).to.deep.equal(['error']);
  });
});

describe('failures that last', () => {
  function scene() {
    const told: string[] = [];
    const clock = { ms: 0 };
    const tell = (sentence: string) => told.push(`${clock.ms / 1000} ${sentence}`);
    return { told, clock, failures: new Failures(tell, tell, () => clock.ms) };
  }

  it('are told at once, after 1, 3, 7 … minutes, then every hour, and when over', () => {
    const { told, clock, failures } = scene();
    for (; clock.ms <= 4 * 3_600_000; clock.ms += 10_000) {
      failures.met('no ether');
      failures.passed();
    }
    expect(told.slice(0, 4)).to.deep.equal([
      '0 no ether',
      '60 no ether (for 1 min)',
      '180 no ether (for 3 min)',
      '420 no ether (for 7 min)',
    ]);
    expect(told).to.have.length(9);
    const last = told.at(-1)!;
    expect(last).to.equal('10980 no ether (for 3 h 3 min)');
    clock.ms += 80_000;
    failures.passed();
    expect(told.at(-1)).to.equal('14490 over after 4 h: no ether');
    expect(failures.count).to.equal(0);
  });

  it('are one while only their amounts change, and told with the latest', () => {
    const { told, clock, failures } = scene();
    const waits = (gwei: number) => `dispute 7: waits, because the ceiling is ${gwei} gwei now`;
    for (; clock.ms < 120_000; clock.ms += 12_000) failures.met(waits(90 + clock.ms / 12_000));
    failures.met('dispute 8: waits, because the ceiling is 90 gwei now');
    expect(told).to.deep.equal([
      `0 ${waits(90)}`,
      `60 ${waits(95)} (for 1 min)`,
      '120 dispute 8: waits, because the ceiling is 90 gwei now',
    ]);
  });

  it('that are met once only are told once and not called over', () => {
    const { told, clock, failures } = scene();
    failures.met('reverted');
    clock.ms = 600_000;
    failures.passed();
    failures.met('reverted');
    expect(told).to.deep.equal(['0 reverted', '600 reverted']);
  });

  it('that a stranger multiplies are counted beyond sixty a minute', () => {
    const { told, clock, failures } = scene();
    for (let i = 0; i < 5000; i++) failures.met(`claim ${i}`);
    expect(told).to.have.length(60);
    expect(failures.count).to.equal(1000);
    clock.ms = 60_000;
    failures.met('another');
    expect(told.slice(60)).to.deep.equal([
      '60 4940 more failures in the minute before were not told',
      '60 another',
    ]);
  });

  it('are timed in two units at most', () => {
    const texts = [0, 59_400, 60_000, 200_000, 3_600_000, 4_800_000, 90_000_000, 1_000_000_000];
    expect(texts.map(durationText)).to.deep.equal([
      ...['0 s', '59 s', '1 min', '3 min 20 s', '1 h', '1 h 20 min', '1 d 1 h', '11 d'],
    ]);
  });
});
