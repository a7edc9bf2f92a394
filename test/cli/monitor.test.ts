import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { challenge, finalize, timeout } from '../../src/chain/actions/actions.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import { type CliProcess, startCli } from '../support/cliProcess.ts';
import { runHere } from '../support/commandHere.ts';
import { asAccount } from '../support/protocol.ts';
import { claimsIn, disputesIn } from '../support/records.ts';
import { DIGITS, type Scene, startScene } from '../support/scene.ts';

const PROVIDER = 1;
const CHALLENGER = 2;
const LIAR = 4;

describe('a monitor without a key', () => {
  let scene: Scene;
  let hook: Server;
  let monitor: CliProcess;
  const messages: { text: string; oracle: string; alarms: { name: string; state: string }[] }[] = [];
  let refusals = 2;

  before(async () => {
    scene = await startScene();
    // Refuses twice, as a service that restarts.
    hook = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => {
        body += part.toString();
      });
      request.on('end', () => {
        if (refusals-- > 0) response.writeHead(503).end();
        else {
          messages.push(JSON.parse(body));
          response.writeHead(204).end();
        }
      });
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
  });

  after(async () => {
    hook.closeAllConnections();
    hook.close();
    await scene.stop();
  });

  const once = (...args: string[]) => runHere('monitor', ...scene.there, '--once', ...args);

  it('has nothing to say about a deployment where nothing is open', async () => {
    const { code, out, err } = await once();
    expect([code, err]).to.deep.equal([0, '']);
    expect(out).to.match(/^block \d+: 0 open claims, 0 open disputes, 0 alarms$/);
  });

  it('looks again at each new block where a websocket tells of it', async () => {
    const looking = startCli(
      ...['monitor', '--rpc', scene.url.replace('http:', 'ws:'), '--oracle', scene.oracle],
      ...['--interval-seconds', '3600', '--metrics-port', '0'],
    );
    await looking.says('monitoring oracle');
    const [base] = /http:\/\/127\.0\.0\.1:\d+/.exec(looking.out)!;
    expect(await (await fetch(`${base}/metrics`)).text()).to.contain('assay_info{command="monitor",');
    const reaches = async (block: number): Promise<void> => {
      let seen = 0;
      while (seen < block) {
        const metrics = await (await fetch(`${base}/metrics`)).text();
        seen = Number(/^assay_head_block (\d+)$/m.exec(metrics)?.[1]);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const first = await scene.endpoint.getBlockNumber();
    await reaches(first);
    for (let block = first + 1; block < first + 4; block++) {
      await scene.endpoint.send('evm_mine', []);
      await reaches(block);
    }
    looking.kill('SIGTERM');
    expect(await looking.ended()).to.equal(0);
  });

  it('warns of a false claim without a challenge, and of one unchecked', async () => {
    await scene.answer(await scene.ask(), LIAR, 'wrong');
    // The chain's clock is ahead of this machine's then, so the time left does not depend on how fast the test is.
    await scene.chain.pass(45);
    const knowing = await once(DIGITS, '--json');
    expect(knowing.code).to.equal(3);
    const { claims, disputes, alarms } = JSON.parse(knowing.out);
    expect(claims[0]).to.include({ verdict: 'wrong', ends: 'final', openDisputes: 0 });
    expect([disputes, alarms.length, alarms[0].name]).to.deep.equal([[], 1, 'false-claim-unchallenged']);
    const ignorant = await once();
    expect(ignorant.code).to.equal(0);
    expect(ignorant.out).to.match(/not checked; nobody challenges it; window ends in 59 min/);
    const strict = await once('--alarm-window-percent', '100');
    expect(strict.code).to.equal(3);
    expect(strict.out).to.match(
      /alarm claim-unverified \(warning\): claim \d+ on request 1: nobody here has/,
    );
  });

  it('raises an alarm before a clock runs out, over log and webhook, and tells its end', async () => {
    const asked = await scene.ask();
    await scene.answer(asked, PROVIDER, 'right');
    const right = claimsIn(await new EventIndex(scene.contracts).update()).find(
      ({ request }) => request.requestId === asked,
    )!;
    await challenge(asAccount(scene.contracts, scene.chain, CHALLENGER), right);
    const { port } = hook.address() as AddressInfo;
    monitor = startCli(
      ...['watch', DIGITS, ...scene.there, '--alert-only', '--interval-seconds', '1'],
      ...['--webhook', `http://127.0.0.1:${port}/hook`, '--metrics-port', '0'],
    );
    await monitor.says('alarm false-claim-unchallenged (critical)');
    expect(monitor.out + monitor.err).to.not.contain('clock-running-out');
    await scene.chain.pass(3000);
    await monitor.says('alarm clock-running-out (warning): dispute');
    const base = /http:\/\/127\.0\.0\.1:\d+/.exec(monitor.out)![0];
    const metrics = await (await fetch(`${base}/metrics`)).text();
    expect(metrics).to.match(/assay_alarms\{alarm="clock-running-out"\} 1\n/);
    expect(Number(/assay_least_clock_seconds (\d+)/.exec(metrics)![1])).to.be.within(1, 600);
    expect(metrics, 'nothing of an account').to.not.match(
      /^assay_(balance|reserve|own_|moves|bonds_at|pending|foreign)\w* /m,
    );
    // The claimant moves in time after all.
    await scene.answer(asked, PROVIDER, 'right');
    await monitor.says('alarm clock-running-out is over: dispute');
    while (!messages.some(({ alarms }) => alarms.some(({ state }) => state === 'over'))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const told = messages.flatMap(({ alarms }) => alarms.map(({ name, state }) => `${name} ${state}`));
    expect(told).to.include.members(['clock-running-out firing', 'clock-running-out over']);
    expect(messages[0]?.oracle).to.equal(scene.oracle);
    expect(messages[0]?.text).to.match(/^alarm false-claim-unchallenged/);
  });

  it('tells of a wrong claim that has become final, and ends at once when told to', async () => {
    await scene.chain.pass(3600);
    const liar = asAccount(scene.contracts, scene.chain, LIAR);
    const [lie] = claimsIn(await new EventIndex(scene.contracts).update());
    await finalize(liar, lie!, false);
    await monitor.says('it is wrong and has become final');
    monitor.kill('SIGTERM');
    expect(await monitor.ended()).to.equal(0);
  });

  it('verifies final, falsified and open answers again, and says what it compared', async () => {
    const verify = (...args: string[]) => runHere('verify', ...args, ...scene.there);
    const wrong = await verify('1', DIGITS);
    expect(wrong.code).to.equal(3);
    expect(wrong.out).to.match(
      /^request 1 on model 0x\w+, answered: WRONG\nclaim \d+ by 0x\w+, final: WRONG; claimed 0x\w+, computed 0x\w+; \d+ bytes differ, the first is byte 0$/,
    );
    const right = await verify('2', DIGITS);
    expect([right.code, right.err]).to.deep.equal([0, '']);
    expect(right.out).to.match(/: right; claimed and computed: 0x\w{64}$/);
    const unknown = await verify('2', '--data', scene.at('nothing'), '--json');
    expect(unknown.code).to.equal(4);
    const { verdict, claims } = JSON.parse(unknown.out);
    expect([verdict, claims[0].verdict, claims[0].computed]).to.deep.equal(['unknown', 'unknown', null]);
    expect(claims[0].why).to.match(
      /run `assay fetch 0x\w{64}` first, or name the model's file: `assay verify 2 MODEL\.onnx`$/,
    );
    expect(await verify('77')).to.deep.include({ code: 1, out: '' });
    const asked = await scene.ask();
    const none = await verify('3', DIGITS);
    expect(none.err).to.match(/request 3 has no answer yet, nothing to verify$/);
    // The liar does not answer.
    await scene.answer(asked, LIAR, 'wrong');
    const history = new EventIndex(scene.contracts);
    const lie = (await history.update()).claim((asked << 32n) | 1n)!;
    await challenge(asAccount(scene.contracts, scene.chain, CHALLENGER), lie);
    await scene.chain.pass(3601);
    const open = disputesIn(await history.update()).find(({ claim }) => claim.request.requestId === asked);
    await timeout(asAccount(scene.contracts, scene.chain, CHALLENGER), open!);
    const falsified = await verify('3', DIGITS);
    expect([falsified.code, falsified.out.split('\n')[1]]).to.satisfy(
      ([code, line]: [number, string]) => code === 3 && /, falsified: WRONG; claimed 0x/.test(line),
    );
  });
});
