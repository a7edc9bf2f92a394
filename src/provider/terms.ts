import { type Address, isSameAddress, type Request, ZERO_ADDRESS } from '../chain/contracts/types.ts';
import { amountText, ETHER } from '../chain/contracts/unit.ts';
import { claimGas, finalizeGas, sideGas } from '../chain/money/gas.ts';
import { ceilingWei } from '../chain/transactions/fees.ts';
import { claimedRefs, type Model, totalBytes } from '../merkle/model.ts';

/**
 * Checks that the terms of a request, all of which a stranger chooses, are fair to a provider.
 *
 * RULE: no term lets the requester take the fee back once the provider has paid for an answer.
 */

/** A transaction that pays the market's price is mined in this time, s: five blocks of 12 s. */
export const MINING_SECONDS = 60n;
/** The least clock for all moves of a dispute together, s. */
const LEAST_CLOCK_SECONDS = 10n * MINING_SECONDS;

/** Whose terms they must suit. */
export interface Conditions {
  /** The provider's account. */
  readonly me: Address;
  readonly leastFeeWei: bigint | 'gas';
  readonly trustedVerifiers: readonly Address[];
  /** The ceiling for a unit of gas. */
  readonly maxFeeWei: bigint;
  /** Whether fees and bonds are in ether, so that they compare with gas. */
  readonly isEther: boolean;
}

/** Bytes of an answer as it travels. */
export function answerBytes(model: Model, { terms }: Request): number {
  const refs = claimedRefs(model);
  return terms.answerByRoot ? 32 * refs.length : totalBytes(refs);
}

/** A requester's own verifier can make a false claim final at once, and so take the fee back, unless nobody else may claim. */
function objectionToVerifier({ terms }: Request, { me, trustedVerifiers }: Conditions): string | undefined {
  const { verifier, provider } = terms;
  if (isSameAddress(verifier, ZERO_ADDRESS) || isSameAddress(provider, me)) return undefined;
  if (trustedVerifiers.some((one) => isSameAddress(one, verifier))) return undefined;
  return `its verifier ${verifier} could make a false claim final and take the fee (--trusted-verifier)`;
}

/** Times in which no challenge and no move is mined are as good as a verifier that says yes to everything. */
function objectionToTimes({ terms }: Request, { me }: Conditions): string | undefined {
  const { windowSeconds, clockSeconds, provider } = terms;
  if (windowSeconds < MINING_SECONDS && !isSameAddress(provider, me)) {
    return `nobody can challenge a false claim in its window of ${windowSeconds} seconds; ${MINING_SECONDS} are the least (--min-fee-wei)`;
  }
  if (clockSeconds >= LEAST_CLOCK_SECONDS) return undefined;
  return `nobody can play a dispute in its clock of ${clockSeconds} seconds; ${LEAST_CLOCK_SECONDS} are the least (--min-fee-wei)`;
}

/** The fee pays for the answer, and the bond of whoever challenges it pays for its defence. */
function objectionToAmounts(request: Request, model: Model, { maxFeeWei }: Conditions): string | undefined {
  const bytes = answerBytes(model, request);
  const price = ceilingWei(maxFeeWei, undefined);
  const short = (what: string, amountWei: bigint, gas: bigint): string | undefined =>
    amountWei >= gas * price
      ? undefined
      : `its ${what} of ${amountText(ETHER, amountWei)} does not pay for its gas, up to ${gas} at ${price} wei each, ${amountText(ETHER, gas * price)} (--min-fee-wei, --max-fee-gwei)`;
  return (
    short('fee', request.feeWei, claimGas(bytes) + finalizeGas(bytes)) ??
    short('challenge bond', request.terms.challengeBondWei, sideGas(model, 'claimant'))
  );
}

/** Why a request is not worth answering, whatever else is open; undefined if it is. */
export function objectionTo(request: Request, model: Model, conditions: Conditions): string | undefined {
  const { leastFeeWei, isEther } = conditions;
  const objection = objectionToVerifier(request, conditions);
  if (objection) return objection;
  if (leastFeeWei !== 'gas') {
    return request.feeWei >= leastFeeWei
      ? undefined
      : `its fee of ${request.feeWei} is less than ${leastFeeWei} (--min-fee-wei)`;
  }
  return (
    objectionToTimes(request, conditions) ??
    (isEther ? objectionToAmounts(request, model, conditions) : undefined)
  );
}

/** Orders requests: what pays most for its bond, then what binds it for less time. */
export function byPay(a: Request, b: Request): number {
  const [payA, payB] = [a.feeWei * b.terms.claimBondWei, b.feeWei * a.terms.claimBondWei];
  if (payA !== payB) return payA > payB ? -1 : 1;
  return Number(a.terms.windowSeconds - b.terms.windowSeconds);
}
