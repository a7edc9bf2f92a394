// Reports of provider and watcher as sentences of the story.
import { formatEther } from 'ethers';
import { claimNumber } from '../../src/chain/contracts/types.ts';
import type { Tensors } from '../../src/chain/contracts/world.ts';
import type { Report } from '../../src/chain/messages/report.ts';
import { moverOf } from '../../src/chain/service/play.ts';
import { explainMove } from '../../src/dispute/explain.ts';
import { bytesOfHex } from '../../src/merkle/keccak.ts';
import type { Narrator } from './narrator.ts';

/** A report and who made it. */
export interface Told {
  readonly by: string;
  readonly report: Report;
}

export const grouped = (n: number | bigint): string => n.toLocaleString('en-US');
export const ether = (wei: bigint): string => `${formatEther(wei)} ether`;

/** Gas of the transaction that a report is about; 0 if there was none. */
export const gasOf = ({ report }: Pick<Told, 'report'>): number =>
  'receipt' in report ? Number(report.receipt.gasUsed) : 0;

/** The digit in an answer: its first four bytes, an int32. */
function digitIn(answer: Tensors): number {
  if (answer.kind !== 'bytes') throw new Error('DigitReader asks for answers as bytes');
  return new DataView(bytesOfHex(answer.bytes).buffer).getInt32(0, true);
}

/** How the scene calls the answers and who asked for them. */
export interface Scene {
  readonly consumer: string;
  /** An answer in a word or two. */
  read(answer: Tensors): string;
}

export const DIGITS: Scene = { consumer: 'DigitReader', read: (answer) => `${digitIn(answer)}` };
export const TEXTS: Scene = { consumer: 'SentenceReader', read: () => 'the text' };

function sentence({ by, report }: Told, { consumer, read }: Scene): string {
  switch (report.kind) {
    case 'claimed':
      return `${by} claims an answer under a bond of ${ether(report.request.request.terms.claimBondWei)}`;
    case 'verified':
      return `${by} runs claim ${claimNumber(report.claim.claimId)} again: ${read(report.claim.answer)} is right`;
    case 'challenged': {
      const { claimId, answer, request } = report.claim;
      const bond = ether(request.request.terms.challengeBondWei);
      return `${by} runs claim ${claimNumber(claimId)} again: ${read(answer)} is wrong; it challenges under a bond of ${bond}`;
    }
    case 'moved': {
      const side = moverOf(report.dispute) === 'claimant' ? '◂' : '▸';
      return `${side} ${explainMove(report.move, report.dispute.view.position)}`;
    }
    case 'finalized':
      return `the window has passed; ${by} makes its claim final, and the oracle calls ${consumer}`;
    case 'withdrawn':
      return `${by} collects ${ether(report.amountWei)}`;
    case 'warned':
      return `${by} is told: ${report.sentence}`;
    default:
      return `${by}: ${report.kind}`;
  }
}

/** Says what was reported; a failure is something that must not happen in this story. */
export function tell(say: Narrator, told: Told, scene: Scene): void {
  const { by, report } = told;
  if (report.kind === 'failed') {
    say.expect(`${by}: ${report.sentence}`, false);
    return;
  }
  say.line(`  ${sentence(told, scene)}${'receipt' in report ? ` (${grouped(gasOf(told))} gas)` : ''}`);
}
