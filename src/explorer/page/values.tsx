import type { ElementValues } from './check/order.ts';

/** The first values of a tensor. */
export const Output = ({ title, values, count }: ElementValues) => (
  <p>
    {title}: <span class="hash">{values.join(', ')}</span>
    {count > values.length && `, and ${(count - values.length).toLocaleString('en-US')} more`}
  </p>
);
