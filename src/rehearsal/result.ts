import type { Role } from '../dispute/move.ts';
import type { Isolated, Played } from './dispute.ts';
import type { Lie } from './fault.ts';

/** One rehearsed dispute, as `--json` prints it. Gas counts every transaction from the challenge to the end. */
export interface DisputeResult {
  readonly fault: { readonly node: number; readonly element: number | null; readonly label: string };
  readonly isolated: Isolated | null;
  /** Answers of the claimant. */
  readonly claimantMoves: number;
  readonly transactions: number;
  readonly gas: {
    readonly total: number;
    readonly claimant: number;
    readonly challenger: number;
    /** Gas of the transaction in which the chain recomputed the leaf; `null` if there was none. */
    readonly leaf: number | null;
  };
  readonly seconds: number;
  readonly winner: Role;
  readonly reason: string;
  /** The chain's answer to a false proof. */
  readonly refusal: string | null;
  readonly moves: readonly { readonly role: Role; readonly kind: string; readonly gas: number }[];
  /** Whether it went as it must. */
  readonly ok: boolean;
}

const isLeaf = (kind: string): boolean => kind.startsWith('prove');

/**
 * Whether the lie was found where it is. In a constant or an input there is no element to find: the whole tensor is
 * compared with the root that the program or the request commits to.
 */
function isFound({ fault, trace }: Lie, isolated: Isolated | undefined): boolean {
  if (isolated?.node !== fault.node) return false;
  if (trace.model.program.nodes[fault.node]?.kind !== 'loop') return isolated.element === null;
  if (isolated.element !== fault.element || !isolated.interval) return false;
  const [from, to] = isolated.interval;
  return fault.step === undefined || (from <= fault.step && fault.step < to);
}

/** @param must who has to win: the challenger of a lie, the claimant against a false challenge */
export function resultOf(lie: Lie, played: Played, must: Role, label: string): DisputeResult {
  const gasOf = (role: Role): number =>
    played.moves.filter((move) => move.role === role).reduce((sum, { gas }) => sum + gas, 0);
  const [claimant, challenger] = [gasOf('claimant'), gasOf('challenger')];
  const isLoop = lie.trace.model.program.nodes[lie.fault.node]?.kind === 'loop';
  return {
    fault: { node: lie.fault.node, element: isLoop ? lie.fault.element : null, label },
    isolated: played.isolated ?? null,
    claimantMoves: played.moves.filter(({ role, kind }) => role === 'claimant' && kind !== 'timeout').length,
    transactions: played.moves.length,
    gas: {
      total: claimant + challenger,
      claimant,
      challenger,
      leaf: played.moves.find(({ kind }) => isLeaf(kind))?.gas ?? null,
    },
    seconds: Number(played.seconds.toFixed(3)),
    winner: played.winner,
    reason: played.reason,
    refusal: played.refusal ?? null,
    moves: played.moves,
    ok: played.winner === must && (must === 'claimant' || isFound(lie, played.isolated)),
  };
}

const thousands = (n: number | null): string => (n === null ? '–' : n.toLocaleString('en-US'));

const COLUMNS = [6, 8, 12, 7, 5, 9, 9, 10, 9, 7] as const;

const row = (cells: readonly string[]): string =>
  `${cells.map((cell, i) => cell.padStart(COLUMNS[i] ?? 0)).join(' ')}  `;

export const HEADING = `${row([
  'node',
  'element',
  'steps',
  'moves',
  'txs',
  'gas',
  'claimant',
  'challenger',
  'leaf',
  's',
])}winner`;

/** A dispute as a line of the table under {@link HEADING}. */
export function lineOf(result: DisputeResult): string {
  const { fault, isolated, gas } = result;
  const interval = isolated?.interval ? `${isolated.interval[0]}…${isolated.interval[1]}` : '–';
  const cells = [
    `${fault.node}`,
    fault.element === null ? 'all' : `${fault.element}`,
    interval,
    `${result.claimantMoves}`,
    `${result.transactions}`,
    thousands(gas.total),
    thousands(gas.claimant),
    thousands(gas.challenger),
    thousands(gas.leaf),
    result.seconds.toFixed(2),
  ];
  return `${row(cells)}${result.winner}${result.ok ? '' : '  WRONG'}  ${fault.label}`;
}
