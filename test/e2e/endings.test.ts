// Commands that are killed, or told to end, in the middle of something.
import { expect } from 'chai';
import { as } from '../../src/chain/contracts/contracts.ts';
import { EventIndex } from '../../src/chain/index/eventIndex.ts';
import { publish, request } from '../../src/client/client.ts';
import { FolderBlobs } from '../../src/store/folder.ts';
import { saveModel } from '../../src/store/library.ts';
import { type CliProcess, startCli } from '../support/cliProcess.ts';
import { i32Bytes } from '../support/programs.ts';
import { TERMS } from '../support/protocol.ts';
import { startRedis } from '../support/redis.ts';
import { DIGITS, type Scene, startScene } from '../support/scene.ts';
import { slowModel } from '../support/slowModel.ts';
import { untilWorld } from '../support/untilWorld.ts';

const [PROVIDER, WATCHER, ASKER, LIAR] = [1, 2, 3, 4];
/** Additions of a run that nobody waits for to end. */
const FOR_EVER = 2 ** 31 - 1;

describe('services that end in the middle', function () {
  this.timeout(180_000);
  let scene: Scene;
  before(async () => {
    scene = await startScene();
  });
  after(() => scene?.stop());

  const start = (command: string, index: number, ...args: string[]): CliProcess =>
    startCli(
      ...[command, ...args, ...scene.there, '--key-file', scene.keyFile(index)],
      ...['--data', scene.at(`data${index}`)],
    );

  it('win a dispute although they are killed with SIGKILL after each of its moves', async () => {
    const lied = await scene.ask();
    await scene.answer(lied, LIAR, 'wrong');
    const index = new EventIndex(scene.contracts);
    const moves = async (): Promise<number> => {
      const world = await index.update();
      const all = world.claimsOn(lied).flatMap(({ claimId }) => world.disputesOn(claimId));
      return all.reduce((sum, dispute) => sum + dispute.moves.length + 1, 0);
    };
    let lives = 0;
    for (let isOver = false; !isOver; lives++) {
      const before = await moves();
      const watcher = start('watch', WATCHER, DIGITS);
      while (!isOver && (await moves()) <= before) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        isOver = (await index.update()).claimsOn(lied).every(({ status }) => status === 'falsified');
      }
      watcher.kill('SIGKILL');
      await watcher.ended();
      await scene.answer(lied, LIAR, 'wrong');
    }
    expect(lives).to.be.at.least(3);
    const world = await index.update();
    const [claim] = world.claimsOn(lied);
    const disputes = world.disputesOn(claim!.claimId);
    expect(disputes.map(({ ended }) => ended?.winner)).to.deep.equal([scene.addressOf(WATCHER)]);
  });

  it('end with exit code 0 in the middle of a run that never ends', async () => {
    const slow = slowModel(FOR_EVER, 0, 64);
    await saveModel(new FolderBlobs(`${scene.at(`data${PROVIDER}`)}/models`), slow);
    const id = await publish(scene.contracts, slow.model, '');
    const provider = start('provide', PROVIDER, id, '--min-fee-wei', '0', '--heartbeat-seconds', '1');
    await provider.says('providing as');
    await request(as(scene.contracts, scene.chain.account(ASKER)), id, i32Bytes([1]), TERMS, 0n);
    await provider.says('1 run waiting or going on');
    provider.kill('SIGTERM');
    expect(await provider.ended()).to.equal(0);
    expect(provider.out).to.contain('SIGTERM: ending once the work in hand is done');
  });

  it('end with exit code 0 while their queue is away', async function () {
    const redis = await startRedis();
    if (!redis) return this.skip();
    const watcher = start('watch', WATCHER, DIGITS, '--queue', redis.url);
    await watcher.says('watching as');
    await redis.stop();
    await watcher.says('the queue at ');
    watcher.kill('SIGTERM');
    expect(await watcher.ended()).to.equal(0);
    expect(watcher.err).not.to.match(/\n\s+at /);
  });

  it('leave their lease to the next one at once, however they ended', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const watcher = start('watch', WATCHER, DIGITS);
      await watcher.says('watching as');
      await untilWorld(new EventIndex(scene.contracts), () => true);
      watcher.kill(signal);
      await watcher.ended();
    }
    const next = start('watch', WATCHER, DIGITS, '--heartbeat-seconds', '1');
    await next.says('idle: ');
    expect(next.err).to.equal('');
    next.kill('SIGINT');
    expect(await next.ended()).to.equal(0);
  });
});
