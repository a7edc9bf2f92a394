import { expect } from 'chai';
import type { BaseContract } from 'ethers';
import { IDisputeGame__factory, IInferenceOracle__factory } from '#typechain';
import { eventsIn } from '../../../src/chain/contracts/logs.ts';
import { caseFrom } from '../../../src/chain/index/derive.ts';
import { EventIndex } from '../../../src/chain/index/eventIndex.ts';
import { decodeAll, type RawLog } from '../../../src/chain/index/events.ts';
import { badTextIn, LETTERS } from '../../support/badText.ts';
import { contractsOver, SimulatedChain } from '../../support/chaos/simulatedChain.ts';
import { Random } from '../../support/randomProgram.ts';

const oracle = IInferenceOracle__factory.createInterface();
const WORD = `0x${'11'.repeat(32)}`;
const ADDRESS = `0x${'22'.repeat(20)}`;
const PLACE = { blockNumber: '0x1', blockHash: WORD, transactionHash: WORD, logIndex: '0x0' };

/** A chain on which something has happened, and an index whose node spoils some logs. */
function scene(spoil: (log: RawLog) => RawLog) {
  const chain = new SimulatedChain(new Random(3), { timesInLogs: true });
  for (let i = 0; i < 40; i++) chain.mine(2);
  const notices: string[] = [];
  const send = async (method: string, params: unknown[]): Promise<unknown> => {
    const answer = chain.answer(method, params);
    return method === 'eth_getLogs' ? (answer as RawLog[]).map(spoil) : answer;
  };
  const onNotice = (sentence: string): void => {
    notices.push(sentence);
  };
  return { chain, notices, index: new EventIndex(contractsOver(send), { onNotice }) };
}

const FIRST = [
  oracle.getEvent('Requested').topicHash,
  oracle.getEvent('RequestedByRoot').topicHash,
  IDisputeGame__factory.createInterface().getEvent('Opened').topicHash,
];

describe('logs that a stranger has written', () => {
  it('are decoded whatever bytes stand where a text should be', () => {
    const { topics, data } = oracle.encodeEventLog('ClaimedByRoot', [7n, ADDRESS, WORD, [WORD], LETTERS]);
    for (const [bytes, uri] of [
      [data, LETTERS],
      [badTextIn(data), ''],
    ] as const) {
      const [event] = decodeAll([{ ...PLACE, address: ADDRESS, topics: topics as string[], data: bytes }]);
      expect(event?.content).to.deep.include({ answer: { kind: 'roots', roots: [WORD], uri } });
    }
  });

  it('are told of once and skipped if they cannot be decoded, and no look fails', async () => {
    let spoilt = 0;
    const { chain, notices, index } = scene((log) => {
      if (!FIRST.includes(log.topics[0]!) || Number(log.blockNumber) % 5 !== 0) return log;
      spoilt++;
      return { ...log, data: log.data.slice(0, 66) };
    });
    for (let i = 0; i < 3; i++) {
      const { cases } = await index.update();
      expect(cases.size).to.be.above(0).and.below(chain.head.state.requests.length);
      chain.mine(0);
    }
    expect(spoilt).to.be.above(1);
    const told = notices.filter((one) => /^a log in block \d+ cannot be decoded/.test(one));
    expect(told).to.have.length.above(0);
    expect(new Set(notices).size).to.equal(notices.length);
  });

  it('are skipped if a node leaves parts of them out', () => {
    const { topics, data } = oracle.encodeEventLog('ClaimedByRoot', [7n, ADDRESS, WORD, [WORD], LETTERS]);
    const log = { ...PLACE, address: ADDRESS, topics: topics as string[], data };
    const broken = [
      { ...log, logIndex: undefined },
      { ...log, blockHash: null },
      { ...log, topics: undefined },
      { ...log, topics: topics.slice(0, 1) },
      { ...log, data: '0xzz' },
      { ...log, blockTimestamp: 'now' },
    ];
    let count = 0;
    const events = decodeAll([...broken, log] as unknown as RawLog[], () => count++);
    expect(events).to.have.length(1);
    expect(count).to.equal(broken.length - 1);
  });

  it('make records that are not whole, and nothing fails, if a position is none', () => {
    const { chain } = scene((log) => log);
    const events = decodeAll(chain.logs({ fromBlock: '0x0', toBlock: '0x100' }));
    const move = events.find(({ content }) => 'subject' in content)!;
    const dispute = { ...(move.content as { dispute: object }).dispute, position: -1n };
    const bad = { ...move, content: { ...move.content, dispute } } as typeof move;
    const own = events.filter(({ requestId }) => requestId === move.requestId);
    expect(caseFrom([...own.filter((one) => one !== move), bad], new Map())).to.include.keys('request');
  });

  it('count as events of a contract only if it has emitted them', async () => {
    const contract = { interface: oracle, getAddress: async () => ADDRESS } as unknown as BaseContract;
    const log = oracle.encodeEventLog('Withdrawn', [ADDRESS, ADDRESS, 5n]);
    const other = `0x${'33'.repeat(20)}`;
    const logs = [
      { ...log, address: other },
      { ...log, address: other, data: '0x' },
      { ...log, address: ADDRESS, data: '0x' },
      { ...log, address: ADDRESS },
    ];
    const found = await eventsIn(contract, { logs } as never);
    expect(found.map(({ name, args }) => [name, args['amountWei']])).to.deep.equal([['Withdrawn', 5n]]);
  });
});
