// A stranger writes texts that are not UTF-8 on the chain, which checks none: services, index and explorer go on.
import { expect } from 'chai';
import type { World } from '../../src/chain/contracts/world.ts';
import { Reader } from '../../src/chain/index/reader.ts';
import { request } from '../../src/client/client.ts';
import { EventWindow } from '../../src/explorer/page/direct/eventWindow.ts';
import { Follower } from '../../src/explorer/server/follower.ts';
import { provideService } from '../../src/provider/provider.ts';
import { watchService } from '../../src/watcher/watcher.ts';
import { LETTERS, withBadText } from '../support/badText.ts';
import { seedsOfLies } from '../support/chaos/crowd.ts';
import { Rig } from '../support/chaos/rig.ts';
import { liar } from '../support/layers.ts';
import { TERMS } from '../support/protocol.ts';

const [PROVIDER, WATCHER, REQUESTER, LIAR, STRANGER] = [1, 2, 3, 4, 5];
const FAULT = { node: 2, element: 5, step: 7, xor: 0x00400000 };
const TIMES = { ...TERMS, windowSeconds: 7200n, clockSeconds: 1200n };
const ROOT = `0x${'11'.repeat(32)}`;

const statusOf = ({ cases }: World, requestId: bigint): string[] =>
  [...(cases.get(requestId)?.claims.values() ?? [])].map(({ status }) => status);

describe('texts on chain that are not UTF-8', function () {
  this.timeout(120_000);
  let rig: Rig;

  before(async () => {
    rig = await Rig.start();
  });
  after(() => rig?.stop());

  it('keep no watcher from challenging and playing, nor a provider from defending', async () => {
    const { oracle } = rig.contracts;
    const provider = rig.run((listen) =>
      provideService({
        ...{ contracts: rig.at(PROVIDER), runner: rig.shelf, listen },
        accepts: ({ requestId }) => requestId === 1n,
      }),
    );
    const watcher = rig.run((listen) =>
      watchService({ contracts: rig.at(WATCHER), runner: rig.shelf, listen }),
    );
    await request(rig.at(REQUESTER), rig.modelId, rig.input(1), TIMES, 0n);
    await rig.until((world) => statusOf(world, 1n).length === 1);

    const asked = await oracle.requestByRoot.populateTransaction(rig.modelId, [ROOT], LETTERS, TIMES, 0n);
    await rig.blast(STRANGER, [withBadText(asked)]);
    const byRoot = { ...TIMES, answerByRoot: true };
    const third = await request(rig.at(REQUESTER), rig.modelId, rig.input(2), byRoot, 0n);
    const claimed = await oracle.claimByRoot.populateTransaction(3n, third.request, [ROOT], LETTERS);
    await rig.blast(STRANGER, [{ ...withBadText(claimed), value: TIMES.claimBondWei }]);
    expect(third.requestId).to.equal(3n);

    // After both: a lie that is defended, and a challenge of what is right.
    const wrong = liar(rig.shelf, FAULT);
    rig.run((listen) =>
      provideService({
        ...{ contracts: rig.at(LIAR), runner: wrong, listen },
        accepts: ({ requestId }) => requestId === 4n,
      }),
    );
    const [seed] = await seedsOfLies(rig, wrong, 1);
    await request(rig.at(REQUESTER), rig.modelId, rig.input(seed!), TIMES, 0n);
    const world = await rig.until(
      (one) => statusOf(one, 3n)[0] === 'falsified' && statusOf(one, 4n)[0] === 'falsified',
    );
    expect(world.request(2n)?.input).to.deep.equal({ kind: 'roots', roots: [ROOT], uri: '' });
    const [lie] = world.claimsOn(4n);
    expect(world.disputesOn(lie!.claimId).map(({ ended }) => ended)).to.deep.equal([
      { winner: rig.address(WATCHER), reason: 'WrongWord' },
    ]);
    for (const { reports } of [provider, watcher])
      expect(reports.filter(({ kind }) => kind === 'failed')).to.deep.equal([]);
  });

  it('are shown by the explorer, by its server and without one', async () => {
    const { oracle, game } = rig.contracts;
    const failures: string[] = [];
    const options = { fromBlock: 0, onNotice: () => undefined };
    const follower = new Follower(rig.contracts, {
      ...options,
      onFailure: (sentence) => failures.push(sentence),
    });
    await follower.look();
    expect(follower.history.request(2)?.inputUri).to.equal('');
    expect(follower.history.claimsOn(3, 1)[0]?.answerUri).to.equal('');
    follower.close();
    const addresses = await Promise.all([oracle.getAddress(), game.getAddress()]);
    const window = new EventWindow(new Reader(addresses), rig.node, 0);
    await window.look();
    expect([...window.cases.keys()].sort()).to.deep.equal([1n, 2n, 3n, 4n]);
  });
});
