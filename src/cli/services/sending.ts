import { parseUnits } from 'ethers';
import type { Limits } from '../../chain/money/purse.ts';
import type { OpenOptions } from '../../chain/transactions/open.ts';
import { InputError } from '../../files/inputError.ts';
import { parseWhole } from '../arguments.ts';
import { type SourceOptions, sentFolder } from '../models/sources.ts';

/** Limits of fees and of money at risk, as given on the command line. */
export interface SendingArguments extends SourceOptions {
  readonly maxBondWei?: string;
  readonly maxBondsWei?: string;
  readonly maxFeeGwei?: string;
  readonly inFlight?: string;
  readonly confirmations?: string;
}

const MOST_IN_FLIGHT = 1000n;
const MOST_CONFIRMATIONS = 100_000n;

/** @throws InputError for what is no amount above zero with at most nine decimals */
function parseGwei(option: string, text: string): bigint {
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) {
    throw new InputError(`${option} ${text}: write an amount of gwei such as 100 or 0.5`, 2);
  }
  const wei = parseUnits(text, 'gwei');
  if (wei === 0n) throw new InputError(`${option} ${text}: write more than 0`, 2);
  return wei;
}

/** @throws InputError for what is not a whole number from 1 to `most` */
function parseCount(option: string, text: string, most: bigint): number {
  const count = parseWhole(option, text);
  if (count < 1n || count > most) {
    throw new InputError(`${option} ${text}: write a whole number from 1 to ${most}`, 2);
  }
  return Number(count);
}

/** @throws InputError naming the option */
export function parseSending(given: SendingArguments): { sending: OpenOptions; limits: Limits } {
  const { maxBondWei, maxBondsWei, maxFeeGwei, inFlight, confirmations } = given;
  return {
    sending: {
      ...(maxFeeGwei !== undefined && { maxFeeWei: parseGwei('--max-fee-gwei', maxFeeGwei) }),
      ...(inFlight !== undefined && { inFlight: parseCount('--in-flight', inFlight, MOST_IN_FLIGHT) }),
      ...(confirmations !== undefined && {
        confirmations: parseCount('--confirmations', confirmations, MOST_CONFIRMATIONS),
      }),
      dataFolder: sentFolder(given),
    },
    limits: {
      ...(maxBondWei !== undefined && { maxBondWei: parseWhole('--max-bond-wei', maxBondWei) }),
      ...(maxBondsWei !== undefined && { maxBondsWei: parseWhole('--max-bonds-wei', maxBondsWei) }),
    },
  };
}
