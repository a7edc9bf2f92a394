import type { Address } from '../chain/contracts/types.ts';
import type { RequestRecord } from '../chain/contracts/world.ts';
import type { ServiceOptions } from '../chain/service/service.ts';
import type { Answers } from '../store/answers.ts';
import type { Runner } from '../store/runner.ts';
import type { Solve } from '../store/shelf.ts';

export const CALLBACKS = ['paid', 'always', 'never'] as const;
export type Callbacks = (typeof CALLBACKS)[number];

/** Options of `createProvider`. */
export interface ProviderOptions extends ServiceOptions {
  /** Runs the models that this provider answers for. */
  readonly runner: Runner;
  /** Finds answers for models that check them; without it requests on those are left to others. */
  readonly solve?: Solve;
  /** Decides whether a request is worth its fee; all are if left out. */
  readonly accepts?: (request: RequestRecord) => boolean;
  /**
   * The least fee, wei; 0 if left out. `gas` for what the answer's gas may cost, which also asks for a challenge bond that pays
   * the gas of a dispute, and for times in which transactions are mined. A token's amounts have no price in gas.
   */
  readonly leastFeeWei?: bigint | 'gas';
  /** Verifiers that requests open to everybody may name; none if left out. */
  readonly trustedVerifiers?: readonly Address[];
  /** Keeps an answer that is claimed by root where others can have it; else nobody is told where it is. */
  readonly answers?: Pick<Answers, 'put'> | undefined;
  /** When to run callbacks: if their fee pays for their gas, which is the default; always; or never. */
  readonly callbacks?: Callbacks;
}
