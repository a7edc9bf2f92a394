import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { AlarmDesk } from '../../src/cli/monitor/alarmDesk.ts';
import type { Alarm } from '../../src/monitor/alarms.ts';
import { createLog } from '../../src/operator/log.ts';
import { createMetrics } from '../../src/operator/metrics.ts';
import { Webhook } from '../../src/operator/webhook.ts';

describe('the webhook', () => {
  let server: Server;
  let url: string;
  let answer = (_body: string, _tries: number): number => 200;
  const tries = new Map<string, number>();
  const authorisations: (string | undefined)[] = [];

  before(async () => {
    server = createServer((request, response) => {
      authorisations.push(request.headers.authorization);
      let body = '';
      request.on('data', (part: Buffer) => {
        body += part.toString();
      });
      request.on('end', () => {
        tries.set(body, (tries.get(body) ?? 0) + 1);
        const status = answer(body, tries.get(body)!);
        response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/secret`;
  });
  beforeEach(() => tries.clear());
  after(() => server.close());

  function hook(address = url): { webhook: Webhook; failures: string[] } {
    const failures: string[] = [];
    const onFailure = (sentence: string) => failures.push(sentence);
    return { webhook: new Webhook(address, { onFailure, retries: 2, restMs: 1, timeoutMs: 500 }), failures };
  }

  it('sends a message again until it is taken, and with the password of its address', async () => {
    answer = (_, count) => (count < 3 ? 500 : 204);
    const { webhook, failures } = hook(url.replace('://', '://me:secret@'));
    webhook.post({ text: 'a' });
    await webhook.settled();
    expect([...tries], 'tries').to.deep.equal([['{"text":"a"}', 3]]);
    expect(failures).to.deep.equal([]);
    expect(authorisations.at(-1)).to.equal(`Basic ${Buffer.from('me:secret').toString('base64')}`);
  });

  it('gives a message up, says so without the path, and goes on with the next one', async () => {
    answer = (body) => (body.includes('bad') ? 503 : 200);
    const { webhook, failures } = hook();
    webhook.post('bad');
    webhook.post('good');
    await webhook.settled();
    expect([...tries.values()]).to.deep.equal([3, 1]);
    expect(failures).to.deep.equal([
      `the webhook at ${new URL(url).host} did not take a message: it answered 503`,
    ]);
    const gone = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => gone.once('listening', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const dead = hook(`http://127.0.0.1:${port}/`);
    dead.webhook.post('x');
    await dead.webhook.settled();
    expect(dead.failures[0]).to.match(/^the webhook at 127\.0\.0\.1:\d+ .*: the connection is refused$/);
  });

  it('follows no redirect, and keeps a hundred messages at most', async () => {
    answer = () => 307;
    const { webhook, failures } = hook();
    webhook.post('first');
    await webhook.settled();
    expect(failures[0]).to.match(/did not take a message/);
    answer = () => 200;
    for (let i = 0; i < 150; i++) webhook.post(i);
    await webhook.settled();
    expect(failures[1]).to.equal('49 messages for the webhook were dropped: too many at once');
    expect(tries.has('49')).to.equal(false);
    expect(tries.has('149')).to.equal(true);
  });
});

describe('the desk that tells alarms', () => {
  function desk() {
    const lines: string[] = [];
    const sink = { out: (line: string) => lines.push(line), err: (line: string) => lines.push(line) };
    const log = createLog({ format: 'text', level: 'info', sink });
    const metrics = createMetrics();
    const made = new AlarmDesk(log, undefined, metrics, { chainId: '1', oracle: '0x12' });
    const count = async (name: string): Promise<number | undefined> =>
      (await metrics.alarms.get()).values.find(({ labels }) => labels.alarm === name)?.value;
    return { made, count, told: () => lines.map((line) => line.slice(line.indexOf('Z ') + 2)) };
  }

  const alarm = (i: number): Alarm => ({
    ...{ name: 'clock-out', severity: 'critical', subject: `dispute ${i}`, deadline: undefined },
    sentence: `dispute ${i}: out`,
  });

  it('adds that nothing can be read, and takes it back with the next look', async () => {
    const { made, told, count } = desk();
    made.show([alarm(1)]);
    made.showBlind(61_000);
    made.showBlind(90_000);
    expect([await count('clock-out'), await count('chain-unreadable')]).to.deep.equal([1, 1]);
    made.show([alarm(1)]);
    expect(told()).to.deep.equal([
      'error alarm clock-out (critical): dispute 1: out',
      'error alarm chain-unreadable (critical): nothing could be read from the chain for 1 min 1 s, so nothing is forecast',
      'info  alarm chain-unreadable is over: the chain',
    ]);
    expect(await count('chain-unreadable')).to.equal(0);
  });

  it('counts beyond fifty, however many a stranger causes', async () => {
    const { made, told, count } = desk();
    made.show(Array.from({ length: 1000 }, (_, i) => alarm(i)));
    expect(told()).to.have.length(51);
    expect(told().at(-1)).to.equal('error 950 more alarms');
    expect(await count('clock-out')).to.equal(1000);
  });
});
