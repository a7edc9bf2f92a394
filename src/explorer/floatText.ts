/** Significant digits that tell any two float32 apart (IEEE 754-2019, section 5.12.2). */
const MOST_DIGITS = 9;

/** Writes a float32 with the fewest digits that tell it from all others. */
export function floatText(value: number): string {
  for (let digits = 1; digits < MOST_DIGITS; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return Object.is(value, -0) ? '-0' : `${short}`;
  }
  return `${Number.isNaN(value) ? value : Number(value.toPrecision(MOST_DIGITS))}`;
}
