import { ensure, quoted } from '../onnx/errors.ts';

/**
 * Bounds what a regular expression of a `tokenizer.json` costs. Engines go back and try every way in which a pattern can match
 * (Cox, "Regular Expression Matching Can Be Simple And Fast", 2007): a repeated group that matches a text in several ways
 * takes exponential time. The file is its publisher's, and the expressions run in other people's clients.
 */

const MOST_LETTERS = 10_000;
/** Groups in groups. */
const MOST_DEPTH = 30;
/** Repetitions one after the other that have no or a high bound; the time grows with that power of the text's length. */
const MOST_LOOPS = 2;
/** Ways to match without them. */
const MOST_WAYS = 1_000;
/** A repetition up to more times counts as one without a bound. */
const FEW_TIMES = 16;
const MOST_TIMES = 1_000;

/** In how many ways a part of a pattern can match, and how many repetitions follow each other in it. */
interface Cost {
  readonly ways: number;
  readonly loops: number;
}

const ONE: Cost = { ways: 1, loops: 0 };

/** The start of a group, with its kind. */
const GROUP = /\((?:\?(?:<?[=!]|>|<[^>]*>|[A-Za-z-]*:?))?/y;
const ESCAPE = /\\(?:[pPu]\{[^}]*\}|k<[^>]*>|[\s\S]|$)/y;

class Pattern {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The cost of alternatives, up to the end of their group. */
  alternatives(depth: number): Cost {
    ensure(depth <= MOST_DEPTH, `has groups more than ${MOST_DEPTH} deep`);
    let all: Cost = { ways: 0, loops: 0 };
    let one = ONE;
    const add = (): void => {
      all = { ways: all.ways + one.ways, loops: Math.max(all.loops, one.loops) };
      one = ONE;
    };
    while (this.#at < this.#text.length) {
      const letter = this.#text[this.#at]!;
      if (letter === ')' && depth > 0) break;
      if (letter === '|') {
        this.#at++;
        add();
        continue;
      }
      const next = this.#repeated(this.#atom(depth));
      one = { ways: one.ways * next.ways, loops: one.loops + next.loops };
      ensure(one.loops <= MOST_LOOPS, `repeats more than ${MOST_LOOPS} parts without a bound in a row`);
      ensure(one.ways <= MOST_WAYS, `matches in more than ${MOST_WAYS} ways`);
    }
    add();
    ensure(all.ways <= MOST_WAYS, `matches in more than ${MOST_WAYS} ways`);
    return all;
  }

  #atom(depth: number): Cost {
    if (this.#skip(GROUP)) {
      const inner = this.alternatives(depth + 1);
      this.#at++;
      return inner;
    }
    if (this.#skip(ESCAPE)) return ONE;
    if (this.#text[this.#at++] === '[') this.#class();
    return ONE;
  }

  /** Moves behind what stands here, if that matches. */
  #skip(token: RegExp): boolean {
    token.lastIndex = this.#at;
    const found = token.exec(this.#text);
    this.#at += found?.[0].length ?? 0;
    return found !== null;
  }

  /** Moves behind a class. */
  #class(): void {
    for (; this.#at < this.#text.length; this.#at++) {
      const letter = this.#text[this.#at];
      if (letter === '\\') this.#at++;
      else if (letter === ']') break;
    }
    this.#at++;
  }

  #repeated(cost: Cost): Cost {
    const quantifier = /(?:[*+?]|\{(\d+)(,?)(\d*)\})[?+]?/y;
    quantifier.lastIndex = this.#at;
    const found = quantifier.exec(this.#text);
    if (!found) return cost;
    const [all, from = '0', comma, to] = found;
    this.#at += all.length;
    if (all.startsWith('?')) return { ways: cost.ways + 1, loops: cost.loops };
    const isBounded = all.startsWith('{') && (comma === '' || to !== '');
    const least = Number(from);
    const most = comma === '' ? least : Number(to);
    if (all.startsWith('{')) {
      ensure(
        least <= MOST_TIMES && (!isBounded || most <= MOST_TIMES),
        `repeats a part ${quoted(all)} times`,
      );
    }
    const isOneWay = cost.ways === 1 && cost.loops === 0;
    if (isBounded && most === least) {
      return { ways: cost.ways ** most, loops: cost.loops * most };
    }
    if (isBounded && most <= FEW_TIMES) {
      return { ways: (most - least + 1) * cost.ways ** most, loops: cost.loops * most };
    }
    ensure(isOneWay, 'repeats a group that can match the same text in several ways');
    return { ways: 1, loops: 1 };
  }
}

/** @throws Refusal for an expression that may take too long */
function requireCheap(regex: string): void {
  const its = (): string => `its expression ${quoted(regex)}`;
  ensure(regex.length <= MOST_LETTERS, () => `${its()} has more than ${MOST_LETTERS} letters`);
  try {
    new Pattern(regex).alternatives(0);
  } catch (error) {
    ensure(false, `${its()} ${(error as Error).message}`);
  }
}

/**
 * Checks every expression in a `tokenizer.json`.
 *
 * @throws Refusal for one that may take too long, and for a file that nests objects too deep
 */
export function requireCheapPatterns(part: unknown, depth = 0): void {
  if (typeof part !== 'object' || part === null) return;
  ensure(depth <= MOST_DEPTH, `it has parts more than ${MOST_DEPTH} deep`);
  for (const [key, value] of Object.entries(part)) {
    if (key === 'Regex' && typeof value === 'string') requireCheap(value);
    else requireCheapPatterns(value, depth + 1);
  }
}
