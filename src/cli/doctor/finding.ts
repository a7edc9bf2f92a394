/** The result of one check. */
export interface Finding {
  /** `warn`: it works, but not as it should where money is; `fail`: a service would not work. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly what: string;
  readonly detail: string;
  /** The remedy; none if all is well. */
  readonly remedy?: string;
}

export const ok = (what: string, detail: string): Finding => ({ level: 'ok', what, detail });
export const warn = (what: string, detail: string, remedy: string): Finding => ({
  ...{ level: 'warn', what, detail, remedy },
});
export const fail = (what: string, detail: string, remedy: string): Finding => ({
  ...{ level: 'fail', what, detail, remedy },
});

/** One line: level, what, detail, remedy. */
export const findingLine = ({ level, what, detail, remedy }: Finding): string =>
  `${level.padEnd(4)}  ${what.padEnd(10)}  ${detail}${remedy === undefined ? '' : `; ${remedy}`}`;
