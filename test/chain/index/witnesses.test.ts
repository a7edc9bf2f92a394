// Tests that no node can hide anything from an index that has others to compare it with.
import { expect } from 'chai';
import { type ContractTransaction, Interface, toBeHex } from 'ethers';
import { IDisputeGame__factory, IInferenceOracle__factory } from '#typechain';
import { EventIndex } from '../../../src/chain/index/eventIndex.ts';
import type { RawLog } from '../../../src/chain/index/events.ts';
import { minorityOn } from '../../../src/chain/index/witnesses.ts';
import { contractsOver, NodeError, SimulatedChain } from '../../support/chaos/simulatedChain.ts';
import type { SimulatedState } from '../../support/chaos/simulatedState.ts';
import { Random } from '../../support/randomProgram.ts';

const ABIS: readonly Interface[] = [
  new Interface(IInferenceOracle__factory.abi),
  new Interface(IDisputeGame__factory.abi),
];
const OLD_BLOCKS = 100;

/** The name and the arguments of an event. */
function eventIn(log: RawLog) {
  const found = ABIS.map((abi) => abi.parseLog(log)).find((one) => one !== null);
  return { name: found?.name, ids: (found?.args.toObject() ?? {}) as Record<string, unknown> };
}

/** A chain on which something has happened, some of it too long ago to be read again. */
function chainFor(seed: number): SimulatedChain {
  const chain = new SimulatedChain(new Random(seed), { timesInLogs: true });
  for (let i = 0; i < 120; i++) chain.mine(i % 3 === 0 ? 1 : 0);
  for (let i = 0; i < OLD_BLOCKS; i++) chain.mine(0);
  return chain;
}

/** The same blocks, without some events and what came of them. */
function without(
  chain: SimulatedChain,
  hides: (log: RawLog) => boolean,
  change: (state: SimulatedState) => void,
): SimulatedChain {
  const liar = new SimulatedChain(new Random(1), { timesInLogs: true });
  liar.blocks.length = 0;
  for (const block of chain.blocks) {
    const state = structuredClone(block.state);
    change(state);
    liar.blocks.push({ ...block, state, logs: block.logs.filter((log) => !hides(log)) });
  }
  return liar;
}

/** The chain as a node has it whose newest block is this one. */
function upTo(chain: SimulatedChain, number: number): SimulatedChain {
  const view = new SimulatedChain(new Random(1), { timesInLogs: true });
  view.blocks.splice(0, 1, ...chain.blocks.slice(0, number + 1));
  return view;
}

type Send = (method: string, params: unknown[]) => unknown;

const sendOf =
  (chain: SimulatedChain): Send =>
  (method, params) =>
    chain.answer(method, params);

/** Nodes of which the first that is trusted is the fastest. */
function over(sends: readonly Send[]) {
  const nodes = sends.map((says) => {
    const node = {
      distrusted: 0,
      asked: 0,
      send: async (method: string, params: unknown[]) => {
        node.asked++;
        return says(method, params);
      },
      distrust: () => void node.distrusted++,
    };
    return node;
  });
  const contracts = contractsOver(async () => undefined);
  let order = nodes;
  const trusted = () => order.filter(({ distrusted }) => distrusted === 0);
  const provider = Object.assign(Object.create(contracts.provider as object), {
    look: async () => trusted()[0] ?? order[0],
    each: trusted,
  });
  /** Has these nodes answer from now on, the first preferred. */
  const offer = (places: readonly number[]): void => {
    order = places.map((place) => nodes[place]!);
  };
  const notices: string[] = [];
  const onNotice = (sentence: string): void => void notices.push(sentence);
  return { nodes, notices, offer, index: new EventIndex({ ...contracts, provider }, { onNotice }) };
}

/** A claim that is open, and the chain as one tells it who hides it. */
function hiddenClaim() {
  const chain = chainFor(7);
  const claims = chain.head.state.requests.flatMap((one) => (one.status === 'open' ? one.claims : []));
  const claim = claims.find(({ status, disputes }) => status === 'open' && disputes.length === 0);
  if (!claim) throw new Error('no claim is open');
  const { claimId } = claim;
  const liar = without(
    chain,
    (log) => eventIn(log).ids['claimId'] === claimId,
    ({ requests }) => {
      for (const one of requests) {
        const kept = one.claims.filter((its) => its.claimId !== claimId);
        Object.assign(one, { claims: kept });
      }
    },
  );
  return { chain, claimId, liar };
}

/** The newest request, and the chain as one tells it who hides it. */
function hiddenRequest() {
  const chain = chainFor(7);
  const { requestId } = chain.head.state.requests.at(-1)!;
  const liar = without(
    chain,
    (log) => {
      const { ids } = eventIn(log);
      const id = (ids['requestId'] ?? BigInt((ids['claimId'] ?? 0n) as bigint) >> 32n) as bigint;
      return id === requestId;
    },
    (state) => {
      const requests = state.requests.filter((one) => one.requestId !== requestId);
      Object.assign(state, { requests });
    },
  );
  return { chain, requestId, liar };
}

describe('an index with several nodes', () => {
  it('attack 35: sees a claim that the fastest of three hides, and asks that one last', async () => {
    const { chain, claimId, liar } = hiddenClaim();
    const { nodes, index } = over([liar, chain, chain].map(sendOf));
    for (let i = 0; i < 2; i++) expect((await index.update()).claim(claimId)?.status).to.equal('open');
    expect(nodes.map(({ distrusted }) => distrusted)).to.deep.equal([1, 0, 0]);
  });

  it('attack 35: keeps a claim that one of three denies later', async () => {
    const { chain, claimId, liar } = hiddenClaim();
    for (const place of [0, 1, 2]) {
      let isLying = false;
      const honest = sendOf(chain);
      const lies: Send = (method, params) => (isLying ? sendOf(liar) : honest)(method, params);
      const sends: Send[] = [honest, honest];
      sends.splice(place, 0, lies);
      const { nodes, index } = over(sends);
      await index.update();
      isLying = true;
      for (let i = 0; i < 6; i++) expect((await index.update()).claim(claimId)?.status).to.equal('open');
      expect(nodes.flatMap(({ distrusted }, i) => (distrusted > 0 && i !== place ? [i] : []))).to.deep.equal(
        [],
      );
    }
  });

  it('attack 35: sees a request that the fastest of three hides, and one of two', async () => {
    const { chain, requestId, liar } = hiddenRequest();
    for (const honest of [[chain], [chain, chain]]) {
      const { index } = over([liar, ...honest].map(sendOf));
      const world = await index.update();
      const expected = chain.head.state.requests.find((one) => one.requestId === requestId)!;
      expect(world.request(requestId)?.requestId, `${honest.length}`).to.equal(requestId);
      expect(world.claimsOn(requestId)).to.have.length(expected.claims.length);
    }
  });

  it('attack 35: with two shows what either tells of, and says that nothing decides', async () => {
    const { chain, claimId, liar } = hiddenClaim();
    for (const both of [
      [liar, chain],
      [chain, liar],
    ]) {
      const { index, notices } = over(both.map(sendOf));
      for (let i = 0; i < 4; i++) expect((await index.update()).claim(claimId)?.status).to.equal('open');
      expect(notices).to.have.length(1);
      expect(notices[0]).to.equal(
        `request ${claimId >> 32n}: one --rpc contradicts another, and nothing decides; a third would`,
      );
    }
  });

  it('attack 35: looks at another where one names blocks that no other has', async () => {
    for (const ahead of [0, 5]) {
      for (const honest of [1, 2]) {
        const { chain, liar, claimId } = hiddenClaim();
        const common = chain.head.number;
        for (let i = 0; i < 20; i++) chain.mine(0);
        liar.blocks.push(
          ...chain.blocks.slice(common + 1).map((one) => ({ ...one, state: liar.head.state })),
        );
        chain.drop(20);
        for (let i = 0; i < 20; i++) chain.mine(0);
        let now = common;
        const truth: Send = (method, params) => sendOf(upTo(chain, now))(method, params);
        const lies: Send = (method, params) => sendOf(upTo(liar, now + ahead))(method, params);
        const { nodes, index } = over([lies, ...Array.from({ length: honest }, () => truth)]);
        for (let i = 0; i < 12; i++) {
          now++;
          await index.update();
        }
        expect(nodes.map(({ distrusted }) => distrusted)).to.deep.equal([1, ...Array(honest).fill(0)]);
        expect((await index.update()).claim(claimId)?.status).to.equal('open');
      }
    }
  });

  it('does not blame one for what another has no state of, nor fails of it', async () => {
    for (const words of [
      'missing trie node 5f3c (path ) state 0x5f3c is not available',
      'header not found',
    ]) {
      for (const honest of [1, 2]) {
        const { chain, claimId } = hiddenClaim();
        const asked = new Set<string>();
        const stateless: Send = (method, params) => {
          asked.add(method);
          if (method === 'eth_call') throw new NodeError(-32000, words);
          return chain.answer(method, params);
        };
        const truth = Array.from({ length: honest }, () => sendOf(chain));
        const { nodes, index } = over([...truth, stateless]);
        for (let i = 0; i < 30; i++) {
          chain.mine(0);
          expect((await index.update()).claim(claimId)?.status).to.equal('open');
        }
        expect(nodes.every(({ distrusted }) => distrusted === 0)).to.equal(true);
        // Its headers show nothing of what it says itself.
        if (words.startsWith('missing')) expect([...asked]).to.deep.equal(['eth_call']);
      }
    }
  });

  it('does not blame one that is ahead of another, with hundreds of requests', async () => {
    const chain = new SimulatedChain(new Random(7), { timesInLogs: true });
    for (let i = 0; i < 130; i++) chain.mine(5);
    expect(chain.head.state.requests.length).to.be.above(200);
    let looks = 0;
    const lags = [
      ['a block', 1, () => 1],
      ['a block', 2, () => 1],
      ['two blocks', 1, () => 2],
      ['now and then', 1, () => looks % 3],
      ['now and then', 2, () => looks % 3],
    ] as const;
    for (const [which, inStep, lag] of lags) {
      let view = chain;
      const behind: Send = (...asked) => {
        const number = chain.head.number - lag();
        if (view === chain || view.head.number !== number) view = upTo(chain, number);
        return sendOf(view)(...asked);
      };
      const { nodes, index } = over([...Array.from({ length: inStep }, () => sendOf(chain)), behind]);
      for (let i = 0; i < 10; i++) {
        looks++;
        chain.mine(i % 4 === 0 ? 1 : 0);
        expect((await index.update()).block.number, which).to.equal(chain.head.number);
      }
      expect(nodes.every(({ distrusted }) => distrusted === 0)).to.equal(true);
    }
  });

  it('blames none of two addresses behind which some nodes lag, nor goes back', async () => {
    const { chain, claimId } = hiddenClaim();
    let looks = 0;
    const lagging =
      (every: number): Send =>
      (...asked) =>
        sendOf(upTo(chain, chain.head.number - (looks % every)))(...asked);
    const { nodes, index } = over([lagging(3), lagging(2)]);
    let number = 0;
    for (; looks < 40; looks++) {
      if (looks % 2 === 0) chain.mine(0);
      const world = await index.update();
      expect(world.block.number).to.be.at.least(number);
      ({ number } = world.block);
      expect(world.claim(claimId)?.status).to.equal('open');
    }
    expect(nodes.map(({ distrusted }) => distrusted)).to.deep.equal([0, 0]);
  });

  it('attack 35: sees what one hides that always has the newest block first', async () => {
    for (const honest of [1, 2]) {
      const { chain, liar, claimId } = hiddenClaim();
      const late: Send = (...asked) => sendOf(upTo(chain, chain.head.number - 2))(...asked);
      const { index } = over([sendOf(liar), ...Array.from({ length: honest }, () => late)]);
      let status: string | undefined;
      for (let i = 0; i < 8; i++) {
        chain.mine(0);
        liar.blocks.push({ ...chain.head, state: liar.head.state });
        const world = await index.update();
        ({ status } = world.claim(claimId) ?? {});
      }
      expect(status).to.equal('open');
    }
  });

  it('attack 35: sees at the node of the look what another hid while alone', async () => {
    const { chain, claimId, liar } = hiddenClaim();
    const { nodes, index, offer } = over([liar, chain].map(sendOf));
    offer([0]);
    for (let i = 0; i < 3; i++) expect((await index.update()).claim(claimId)).to.equal(undefined);
    offer([1, 0]);
    await index.update();
    for (let i = 0; i < 6; i++) expect((await index.update()).claim(claimId)?.status).to.equal('open');
    expect(nodes.map(({ distrusted }) => distrusted)).to.deep.equal([0, 0]);
  });

  it('attack 35: keeps a claim that one hides which tells of another that none has', async () => {
    const { chain, claimId, liar } = hiddenClaim();
    const wordOf = (id: bigint): string => toBeHex(id, 32).slice(2);
    const renamed = (log: RawLog): RawLog =>
      JSON.parse(JSON.stringify(log).replaceAll(wordOf(claimId), wordOf(claimId + 1n)));
    const bogus = chain.blocks
      .flatMap(({ logs }) => logs)
      .filter((log) => eventIn(log).ids['claimId'] === claimId)
      .map((log) => ({ ...renamed(log), logIndex: '0x1388' }));
    const isIn = (block: number, { fromBlock, toBlock }: Record<string, string>): boolean =>
      Number(fromBlock) <= block && block <= Number(toBlock);
    let isHonest = true;
    const lies: Send = (method, params) => {
      const answer = sendOf(isHonest ? chain : liar)(method, params);
      if (isHonest || method !== 'eth_getLogs') return answer;
      const asked = params[0] as Record<string, string>;
      return [
        ...(answer as RawLog[]),
        ...bogus.filter(({ blockNumber }) => isIn(Number(blockNumber), asked)),
      ];
    };
    const { index } = over([lies, sendOf(chain)]);
    for (let i = 0; i < 16; i++) {
      expect((await index.update()).claim(claimId)?.status, `${i}`).to.equal('open');
      isHonest = false;
    }
  });

  it('waits once for one that does not answer, and leaves it alone for some looks', async () => {
    const { chain, claimId } = hiddenClaim();
    const silent: Send = () => new Promise(() => undefined);
    const { nodes, index } = over([sendOf(chain), silent]);
    for (let i = 0; i < 8; i++) expect((await index.update()).claim(claimId)?.status).to.equal('open');
    // Both counts, and nothing more.
    expect(nodes[1]!.asked).to.equal(2);
  });

  it('does not go back where the next node is behind, as long as that goes on', async () => {
    const { chain } = hiddenClaim();
    const behind: Send = (...asked) => sendOf(upTo(chain, chain.head.number - 2))(...asked);
    const { index, offer } = over([sendOf(chain), behind]);
    let { number } = (await index.update()).block;
    offer([1]);
    for (let i = 0; i < 40; i++) {
      if (i % 8 === 7) chain.mine(0);
      const { block } = await index.update();
      expect(block.number).to.be.at.least(number);
      number = block.number;
    }
    expect(number).to.equal(chain.head.number - 2);
  });

  it('does not wait for one that fails, nor take its silence for an answer', async () => {
    const { chain, claimId } = hiddenClaim();
    const fails: Send = () => {
      throw new Error('gone');
    };
    const { nodes, index } = over([sendOf(chain), fails, fails]);
    for (let i = 0; i < 10; i++) expect((await index.update()).claim(claimId)?.status).to.equal('open');
    expect(nodes.map(({ distrusted }) => distrusted)).to.deep.equal([0, 0, 0]);
  });

  it('asks as much as with one, besides two counts', async () => {
    const { chain } = hiddenClaim();
    const alone = over([sendOf(chain)]);
    const three = over([chain, chain, chain].map(sendOf));
    const asked = ({ nodes }: typeof alone): number => nodes.reduce((sum, one) => sum + one.asked, 0);
    for (const one of [alone, three]) {
      await one.index.update();
      for (const node of one.nodes) node.asked = 0;
      for (let i = 0; i < 5; i++) await one.index.update();
    }
    expect(asked(three) - asked(alone)).to.equal(5 * 2);
  });

  it('counts as the minority whoever is fewer, and nobody if as many say either', () => {
    const node = () => ({ send: async () => undefined });
    const [yes, no] = [new Map(), new Map([[1n, {} as never]])];
    const [a, b, c] = [node(), node(), node()];
    const opinions = [
      { node: a, denials: no },
      { node: b, denials: yes },
      { node: c, denials: yes },
    ];
    expect(minorityOn(1n, opinions)).to.deep.equal([a]);
    expect(minorityOn(1n, opinions.slice(0, 2))).to.equal(undefined);
    expect(minorityOn(1n, opinions.slice(0, 1))).to.deep.equal([]);
  });
});

/** The chain's answers to requests for logs, changed. */
const withLogs =
  (truth: Send, change: (logs: RawLog[]) => RawLog[]): Send =>
  (method, params) => {
    const answer = truth(method, params);
    return method === 'eth_getLogs' ? change(answer as RawLog[]) : answer;
  };

describe('an event that no chain has', () => {
  const scene = () => {
    const chain = chainFor(7);
    const truth = sendOf(chain);
    const node = { says: truth, widest: 0 };
    const contracts = contractsOver(async (method, params) => {
      const { fromBlock, toBlock } = (params[0] ?? {}) as { fromBlock?: string; toBlock?: string };
      if (method === 'eth_getLogs' && fromBlock !== undefined)
        node.widest = Math.max(node.widest, Number(toBlock) - Number(fromBlock) + 1);
      return node.says(method, params);
    });
    const { requestId } = chain.head.state.requests.find(
      ({ requestId: id, status, claims }) =>
        id > 1n && status === 'open' && claims.some((one) => one.status === 'open'),
    )!;
    const isFirst = (log: RawLog): boolean =>
      /^Requested/.test(eventIn(log).name ?? '') && BigInt(log.topics[1]!) === requestId;
    const isOfIt = (log: RawLog): boolean => {
      const { ids } = eventIn(log);
      return [ids['requestId'], BigInt((ids['claimId'] ?? 0n) as bigint) >> 32n].includes(requestId);
    };
    return { chain, truth, node, requestId, isFirst, isOfIt, index: new EventIndex(contracts) };
  };
  const renamed = (log: RawLog, id: bigint): RawLog => ({
    ...log,
    topics: [log.topics[0]!, toBeHex(id, 32), ...log.topics.slice(2)],
  });

  it('attack 47: is refused if its id or its time is above all that can be', async () => {
    for (const [bogus, why] of [
      [(log: RawLog) => renamed(log, 2n ** 60n), /request 1152921504606846976 .* cannot be/],
      [(log: RawLog) => renamed(log, 2n ** 40n), /request 1099511627776 .* cannot be/],
      [
        (log: RawLog) => ({ ...log, blockTimestamp: toBeHex(2n ** 60n) }),
        /1152921504606846976, which cannot/,
      ],
      [(log: RawLog) => renamed(log, 5000n), /tells of request 5000 in block \d+, and says that there are/],
    ] as const) {
      const { chain, truth, node, isFirst, index } = scene();
      node.says = withLogs(truth, (logs) =>
        logs.flatMap((log) => (isFirst(log) ? [log, { ...bogus(log), logIndex: '0x1388' }] : [log])),
      );
      expect(await index.update().catch((failure: Error) => failure.message)).to.match(why);
      node.says = truth;
      expect((await index.update()).block.number).to.equal(chain.head.number);
    }
  });

  it('attack 47: hides no request, if the node counts so many for a while', async () => {
    const { chain, truth, node, requestId, isFirst, isOfIt, index } = scene();
    const counts = ABIS[0]!.getFunction('requestCount')!.selector;
    const lie = withLogs(truth, (logs) =>
      logs.flatMap((log) => (isFirst(log) ? [renamed(log, 5000n)] : isOfIt(log) ? [] : [log])),
    );
    node.says = (method, params) =>
      method === 'eth_call' && (params[0] as ContractTransaction).data === counts
        ? toBeHex(5000, 32)
        : lie(method, params);
    await index.update().catch(() => undefined);
    node.says = truth;
    for (let i = 0; i < 2; i++) {
      const world = await index.update();
      expect([...world.cases.keys()]).to.not.include(5000n);
      expect(world.claimsOn(requestId).some(({ status }) => status === 'open')).to.equal(true);
    }
    for (let i = 0; i < 3; i++) {
      node.widest = 0;
      for (let k = 0; k < 10; k++) chain.mine(0);
      await index.update();
      // Only the last blocks are read.
      expect(node.widest).to.equal(64);
    }
  });

  it('attack 47: hides no request by telling of it in a later block', async () => {
    const { truth, node, requestId, isFirst, isOfIt, index, chain } = scene();
    const at = chain.blocks[chain.head.number - 80]!;
    const later = (log: RawLog): RawLog => ({ ...log, blockNumber: toBeHex(at.number), blockHash: at.hash });
    node.says = withLogs(truth, (logs) =>
      logs.flatMap((log) => (isFirst(log) ? [later(log)] : isOfIt(log) ? [] : [log])),
    );
    await index.update().catch(() => undefined);
    node.says = truth;
    const { claims } = chain.head.state.requests[Number(requestId) - 1]!;
    expect((await index.update()).claimsOn(requestId)).to.have.length(claims.length);
    expect(claims.length).to.be.above(0);
  });
});
