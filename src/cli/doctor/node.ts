import type { Block, JsonRpcApiProvider } from 'ethers';
import { BOUNDS, boundsFor } from '../../chain/deployment/bounds.ts';
import { hasClz } from '../../chain/deployment/edition.ts';
import { explain } from '../../chain/messages/explain.ts';
import { durationText } from '../../operator/duration.ts';
import { withoutSecrets } from '../../settings/secrets.ts';
import { DEVELOPMENT_CHAINS } from '../services/serviceLoop.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

/** Checks of one node and the chain that it serves. */

/** A look takes about ten calls one after the other, so a node as slow as this makes moves late. */
const SLOW_MS = 1000;
/** How far this machine's clock may be behind the latest block. */
const MOST_SKEW_MS = 15_000;
const OLD_HEAD_MS = 120_000;
/** Blocks that one request for logs should be able to span. */
const LOG_RANGE = 1000;

/** The bounds that a deployment gets on a chain, and the others. */
function boundsText(chainId: bigint): string {
  const usual = boundsFor(chainId);
  const others = Object.keys(BOUNDS).filter((name) => name !== usual);
  return `\`assay deploy\` takes the bounds \`${usual}\` here, unless told ${others.map((name) => `\`${name}\``).join(' or ')}`;
}

async function attempt(what: string, remedy: string, work: () => Promise<Finding>): Promise<Finding> {
  try {
    return await work();
  } catch (failure) {
    return fail(what, explain(failure), remedy);
  }
}

function checkHead({ number, timestamp }: Block, chainId: bigint, nowMs: number): Finding[] {
  const age = nowMs - 1000 * timestamp;
  const text = `block ${number}, ${durationText(Math.abs(age))} ${age < 0 ? 'ahead of this machine' : 'old'}`;
  if (age < -MOST_SKEW_MS) {
    return [
      DEVELOPMENT_CHAINS.includes(chainId)
        ? warn('clock', text, 'the time of this development chain was put forward')
        : fail('clock', text, "this machine's clock is behind: set it by NTP"),
    ];
  }
  if (age > OLD_HEAD_MS && !DEVELOPMENT_CHAINS.includes(chainId)) {
    return [
      fail('clock', text, 'the node is behind, the chain stands still, or the clock here is ahead: compare'),
    ];
  }
  return [ok('clock', text)];
}

/** @param fromBlock from which events must be had */
export async function checkEndpoint(
  provider: JsonRpcApiProvider,
  url: string,
  fromBlock: number,
  nowMs: () => number,
): Promise<Finding[]> {
  const shown = withoutSecrets(url);
  const startedAt = nowMs();
  const [chainId, client] = await Promise.all([
    provider.getNetwork().then((network) => network.chainId),
    provider.send('web3_clientVersion', []).catch(() => 'a node that does not say which'),
  ]);
  const tookMs = nowMs() - startedAt;
  const who = `${shown}: ${String(client).slice(0, 60)}, ${tookMs} ms`;
  const findings = [
    tookMs > SLOW_MS ? warn('node', who, 'use one that is nearer') : ok('node', who),
    ok('chain', `${chainId}; ${boundsText(chainId)}`),
  ];
  findings.push(
    await attempt('sync', 'use another node', async () => {
      const syncing = (await provider.send('eth_syncing', [])) as unknown;
      return syncing === false
        ? ok('sync', 'the node has all blocks')
        : fail('sync', 'the node is still reading blocks', 'wait until it is done');
    }),
  );
  const head = await provider.getBlock('latest');
  if (head) findings.push(...checkHead(head, chainId, nowMs()));
  findings.push(
    await attempt('opcodes', 'use a node that runs creation code in eth_call', async () =>
      (await hasClz(provider))
        ? ok('opcodes', 'the chain has CLZ (Osaka or later)')
        : warn(
            'opcodes',
            'the chain has no CLZ',
            'only contracts without CLZ work here, as `assay deploy` makes by itself',
          ),
    ),
  );
  findings.push(
    await attempt('logs', 'use a node that keeps these logs', async () => {
      if (head && fromBlock > head.number) {
        return fail(
          'logs',
          `the recorded deployment begins at block ${fromBlock}, and block ${head.number} is the latest`,
          'the record is of another chain of this id, or the chain was started again: deploy again, or use another node',
        );
      }
      const to = Math.min(fromBlock + LOG_RANGE, head?.number ?? fromBlock);
      await provider.getLogs({
        fromBlock,
        toBlock: Math.max(fromBlock, to),
        topics: [`0x${'00'.repeat(32)}`],
      });
      return ok('logs', `from block ${fromBlock} on`);
    }),
  );
  return findings;
}
