// Where a request, a claim and a callback stand: the enums of IInferenceOracle.sol, in the order of their codes.

export const REQUEST_STATUS = { none: 0n, open: 1n, answered: 2n, cancelled: 3n, closed: 4n } as const;
export const CLAIM_STATUS = { none: 0n, open: 1n, final: 2n, falsified: 3n } as const;
export const CALLBACK_STATUS = { none: 0n, waiting: 1n, failed: 2n, done: 3n } as const;
