// The protocol on an in-process chain with the toy referee, and the few words in which the tests speak of it.
import type { HardhatEthersSigner } from '@nomicfoundation/hardhat-ethers/types';
import type { AddressLike, BigNumberish, ContractTransactionReceipt, Log, Overrides } from 'ethers';
import { network } from 'hardhat';
import {
  type Terms as ContractTerms,
  PLAIN_TERMS,
  type TermBounds,
  ZERO_ADDRESS,
} from '../../../src/chain/contracts/types.ts';
import { REASONS, type Reason } from '../../../src/dispute/rules.ts';
import { bytesOfHex, hexOf } from '../../../src/merkle/keccak.ts';
import { commitOutput } from '../../../src/merkle/model.ts';
import type { ToyModel } from './model.ts';
import {
  type Call,
  challengerMove,
  claimantMove,
  claimantMoves,
  EMPTY_TABLE,
  PHASE,
  type Place,
  REQUEST,
  type Table,
  unpack,
} from './moves.ts';
import type { Values } from './values.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
export type Bounds = Writable<TermBounds>;
export type Terms = Writable<ContractTerms>;

/** Unix seconds at which a test's chain starts. */
const START = 4_000_000_000;

export const FEE = 5_000n;

/** Tokens that each account has at first, if a token is the currency. */
const PURSE = 2n ** 90n;

export const TERMS: Terms = {
  ...PLAIN_TERMS,
  claimBondWei: 1_001n,
  challengeBondWei: 300n,
  windowSeconds: 1_000n,
  clockSeconds: 500n,
  callbackGas: 200_000n,
  patienceSeconds: 2_000n,
};

/** Burned of a falsified claim's bond; less than an overtaken challenger's gas, so the first to reclaim is repaid all of it. */
export const BURNED = TERMS.claimBondWei - TERMS.claimBondWei / 2n;

export const MIN: Bounds = {
  claimBondWei: 10n,
  challengeBondWei: 5n,
  windowSeconds: 100n,
  clockSeconds: 100n,
  callbackGas: 0n,
  patienceSeconds: 0n,
};

export const MAX: Bounds = {
  claimBondWei: 10n ** 20n,
  challengeBondWei: 10n ** 20n,
  windowSeconds: 1_000_000n,
  clockSeconds: 1_000_000n,
  callbackGas: 5_000_000n,
  patienceSeconds: 10_000_000n,
};

/** Reasons of the game's `Ended`, by their order in the contract. */
export const REASON = Object.fromEntries(REASONS.map((reason, i) => [reason, BigInt(i)])) as Readonly<
  Record<Reason, bigint>
>;

export interface Asked {
  readonly id: bigint;
  readonly model: ToyModel;
  /** The request as the contracts want it back. */
  readonly request: readonly unknown[];
  readonly requestedAt: bigint;
  readonly terms: Terms;
  readonly receipt: ContractTransactionReceipt;
}

export interface Claimed {
  readonly id: bigint;
  readonly asked: Asked;
  readonly claimant: HardhatEthersSigner;
  readonly output: Uint8Array;
  readonly outputs: string;
  readonly claimedAt: bigint;
  readonly receipt: ContractTransactionReceipt;
}

/** A dispute as its last event left it. */
export interface Dispute {
  readonly id: bigint;
  readonly claimed: Claimed;
  readonly challenger: HardhatEthersSigner;
  fields: readonly unknown[];
  subject: string;
  table: Table;
  ended?: { winner: string; reason: bigint };
  /** Every move so far, with the place where it was made. */
  readonly moves: {
    name: string;
    gas: bigint;
    byClaimant: boolean;
    place: Place;
    args: readonly unknown[];
  }[];
}

const POSITION = 5;

export const placeOf = (dispute: Pick<Dispute, 'fields'>) => unpack(dispute.fields[POSITION] as bigint);

export type Protocol = Awaited<ReturnType<typeof deployProtocol>>;

/**
 * Deploys everything on a fresh chain.
 *
 * @param token whether a token is the currency, not ether. Every account has some and allows them all to the oracle.
 */
export async function deployProtocol({
  min = MIN,
  max = MAX,
  token: withToken = false,
}: {
  min?: Bounds;
  max?: Bounds;
  token?: boolean;
} = {}) {
  const { ethers, networkHelpers } = await network.create();
  // A fixed date, because the gas of a move depends on the bytes of its timestamps.
  await networkHelpers.time.setNextBlockTimestamp(START);
  const registry = await ethers.deployContract('ModelRegistry');
  const referee = await ethers.deployContract('ToyReferee');
  const token = withToken ? await ethers.deployContract('HostileToken') : undefined;
  const oracle = await ethers.deployContract('InferenceOracle', [
    registry,
    referee,
    token ?? ZERO_ADDRESS,
    min,
    max,
  ]);
  const game = await ethers.getContractAt('DisputeGame', await oracle.game());
  const signers = await ethers.getSigners();
  const [requester, honest, liar, watcher, stranger] = signers as [
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
    HardhatEthersSigner,
  ];

  if (token) {
    for (const signer of signers) {
      await token.mint(signer, PURSE);
      await token.connect(signer).approve(oracle, ethers.MaxUint256);
    }
  }

  /** The ether to send along with a call that pays. */
  const payment = (amountWei: bigint) => ({ value: token ? 0n : amountWei });

  /** An account's balance in the currency. */
  const balanceOf = (account: AddressLike): Promise<bigint> =>
    token ? token.balanceOf(account) : ethers.provider.getBalance(account);

  const refs = (list: ToyModel['inputs']) => list.map(({ node, byteLength }) => ({ node, byteLength }));

  async function publish(model: ToyModel): Promise<void> {
    await registry.publish(
      model.tree.root,
      model.nodes.length,
      refs(model.inputs),
      refs(model.outputs),
      refs(model.answers),
      'toy:',
    );
  }

  /** Finds an event of oracle or game in a receipt. */
  function eventOf(receipt: ContractTransactionReceipt, name: string) {
    for (const log of receipt.logs as Log[]) {
      const parsed = oracle.interface.parseLog(log) ?? game.interface.parseLog(log);
      if (parsed?.name === name) return parsed.args;
    }
    throw new Error(`no event ${name}`);
  }

  function askedFrom(receipt: ContractTransactionReceipt, model: ToyModel, terms: Terms): Asked {
    const args = eventOf(receipt, 'Requested');
    const request = args.request.toArray(true) as unknown[];
    return { id: args.requestId, model, request, requestedAt: args.request.requestedAt, terms, receipt };
  }

  async function ask(
    model: ToyModel,
    input: Uint8Array,
    {
      terms = {},
      fee = FEE,
      from = requester,
    }: { terms?: Partial<Terms>; fee?: bigint; from?: HardhatEthersSigner } = {},
  ): Promise<Asked> {
    const whole = { ...TERMS, ...terms };
    const sent = await oracle
      .connect(from)
      .request(model.id, input, whole, fee, payment(fee + whole.callbackFeeWei));
    return askedFrom((await sent.wait())!, model, whole);
  }

  async function claim(asked: Asked, output: Uint8Array, claimant: HardhatEthersSigner): Promise<Claimed> {
    const sent = await oracle
      .connect(claimant)
      .claim(asked.id, asked.request as never, output, payment(asked.terms.claimBondWei));
    const receipt = (await sent.wait())!;
    const args = eventOf(receipt, 'Claimed');
    const claimedAt = BigInt((await receipt.getBlock()).timestamp);
    return { id: args.claimId, asked, claimant, output, outputs: args.outputs, claimedAt, receipt };
  }

  async function challenge(claimed: Claimed, challenger: HardhatEthersSigner): Promise<Dispute> {
    const { asked } = claimed;
    const sent = await oracle
      .connect(challenger)
      .challenge(claimed.id, asked.request as never, claimed.outputs, payment(asked.terms.challengeBondWei));
    const receipt = (await sent.wait())!;
    const args = eventOf(receipt, 'Opened');
    const fields = args.dispute.toArray(true);
    const opening = { name: 'challenge', gas: receipt.gasUsed, byClaimant: false, args: [] };
    return {
      id: args.disputeId,
      claimed,
      challenger,
      fields,
      subject: ethers.ZeroHash,
      table: EMPTY_TABLE,
      moves: [{ ...opening, place: placeOf({ fields }) }],
    };
  }

  /** Brings a dispute up to date with what a transaction did to it. */
  function absorb(dispute: Dispute, receipt: ContractTransactionReceipt): void {
    for (const log of receipt.logs as Log[]) {
      const parsed = game.interface.parseLog(log);
      if (!parsed || parsed.args.disputeId !== dispute.id) continue;
      const { args, name } = parsed;
      if (name === 'Ended') {
        dispute.ended = { winner: args.winner, reason: args.reason };
        continue;
      }
      if (args.dispute === undefined || args.subject === undefined) continue;
      dispute.fields = args.dispute.toArray(true);
      dispute.subject = args.subject;
      if (name === 'Revealed') {
        const { phase } = placeOf(dispute);
        const blockRoot = phase === PHASE.NodePick ? bytesOfHex(args.subject) : dispute.table.blockRoot;
        dispute.table = { ...dispute.table, hashes: args.hashes.map(bytesOfHex), blockRoot };
      }
      if (name === 'ChunkRevealed') dispute.table = { ...dispute.table, chunk: bytesOfHex(args.chunk) };
      if (name === 'AccumulatorsPosted') dispute.table = { ...dispute.table, words: bytesOfHex(args.words) };
    }
  }

  /** Sends a move without looking at what it does. */
  function send(dispute: Dispute, call: Call, by: HardhatEthersSigner, overrides: Overrides = {}) {
    const args = call.args.map((arg) => (arg === REQUEST ? dispute.claimed.asked.request : arg));
    return game.connect(by).getFunction(call.name)(dispute.id, dispute.fields, ...args, overrides);
  }

  async function move(
    dispute: Dispute,
    call: Call,
    by: HardhatEthersSigner,
  ): Promise<ContractTransactionReceipt> {
    const place = placeOf(dispute);
    const receipt = (await (await send(dispute, call, by)).wait())!;
    absorb(dispute, receipt);
    const { name, args } = call;
    dispute.moves.push({ name, args, gas: receipt.gasUsed, byClaimant: claimantMoves(place.phase), place });
    return receipt;
  }

  /** The move that the side whose turn it is makes if it holds `values`. */
  async function nextCall(dispute: Dispute, values: Values): Promise<Call | undefined> {
    const place = placeOf(dispute);
    if (!claimantMoves(place.phase)) return challengerMove(place, dispute.table, values);
    const committed = (await game.traceOf(dispute.claimed.id)) !== ethers.ZeroHash;
    return claimantMove(place, values, committed);
  }

  const moverOf = (dispute: Dispute): HardhatEthersSigner =>
    claimantMoves(placeOf(dispute).phase) ? dispute.claimed.claimant : dispute.challenger;

  /** One move of whoever's turn it is. */
  async function step(dispute: Dispute, values: Values): Promise<boolean> {
    const call = await nextCall(dispute, values);
    if (!call) return false;
    await move(dispute, call, moverOf(dispute));
    return true;
  }

  /** Both sides play by their values until the end, or until one has no move. */
  async function playOut(dispute: Dispute, claimant: Values, challenger: Values): Promise<void> {
    while (!dispute.ended) {
      const values = claimantMoves(placeOf(dispute).phase) ? claimant : challenger;
      if (!(await step(dispute, values))) return;
    }
  }

  const sendTimeout = (dispute: Dispute, by = stranger) =>
    game.connect(by).timeout(dispute.id, dispute.fields as never, dispute.subject);

  async function timeout(dispute: Dispute, by = stranger): Promise<void> {
    absorb(dispute, (await (await sendTimeout(dispute, by)).wait())!);
  }

  const sendReclaim = (dispute: Dispute, by = stranger) =>
    game.connect(by).reclaim(dispute.id, dispute.fields as never, dispute.subject);

  async function reclaim(dispute: Dispute, by = stranger): Promise<void> {
    absorb(dispute, (await (await sendReclaim(dispute, by)).wait())!);
  }

  /** Makes a claim final, and runs its callback in the same transaction unless told otherwise. */
  const sendFinalize = (
    { id, asked, outputs, output }: Claimed,
    overrides: { gasLimit?: BigNumberish } = {},
    { withCallback = true, by = stranger } = {},
  ) => oracle.connect(by).finalize(id, asked.request as never, outputs, output, withCallback, overrides);

  async function finalize(claimed: Claimed, by = stranger): Promise<ContractTransactionReceipt> {
    return (await (await sendFinalize(claimed, {}, { by })).wait())!;
  }

  /** The next transaction is mined at this Unix second. */
  const at = (timestamp: bigint) => networkHelpers.time.setNextBlockTimestamp(timestamp);

  const lastTimestamp = async (): Promise<bigint> => BigInt(await networkHelpers.time.latest());

  /** Lets the window of a claim pass. */
  const passWindow = ({ claimedAt, asked }: Claimed) => at(claimedAt + asked.terms.windowSeconds + 1n);

  /** Lets the clock of the side to move run out. */
  const runOut = async ({ claimed }: Dispute) =>
    at((await lastTimestamp()) + claimed.asked.terms.clockSeconds + 1n);

  return {
    ethers,
    networkHelpers,
    registry,
    referee,
    oracle,
    game,
    token,
    payment,
    balanceOf,
    signers,
    requester,
    honest,
    liar,
    watcher,
    stranger,
    publish,
    eventOf,
    askedFrom,
    ask,
    claim,
    challenge,
    absorb,
    send,
    move,
    nextCall,
    moverOf,
    step,
    playOut,
    sendTimeout,
    timeout,
    sendReclaim,
    reclaim,
    sendFinalize,
    finalize,
    at,
    lastTimestamp,
    passWindow,
    runOut,
    outputsOf: (model: ToyModel, output: Uint8Array) => hexOf(commitOutput(model as never, output)),
  };
}
