import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ClaimJson, EndJson, RequestJson } from '../api.ts';
import { type Read, useDeployment, useLive } from './live.ts';
import { Rows } from './rows.tsx';
import { agoText, amountText, dateText, durationText, shortHex } from './words.ts';

/** Small pieces that several views have in common. Strings from chain are text in all of them. */

export const Amount = ({ wei }: { readonly wei: string }) => (
  <span class="number">{amountText(wei, useDeployment().currency)}</span>
);

export const Account = ({ address }: { readonly address: string }) => (
  <a class="hash" href={`#/account/${address}`} title={address}>
    {shortHex(address)}
  </a>
);

export const Model = ({ id }: { readonly id: string }) => (
  <a class="hash" href={`#/model/${id}`} title={id}>
    {shortHex(id)}
  </a>
);

export const Hash = ({ hex }: { readonly hex: string }) => (
  <span class="hash" title={hex}>
    {shortHex(hex)}
  </span>
);

export const Ago = ({ timestamp }: { readonly timestamp: number }) => (
  <time dateTime={dateText(timestamp)} title={dateText(timestamp)}>
    {agoText(timestamp, useLive().now)}
  </time>
);

/** A deadline that counts down. @param past shown once it is over */
export function Countdown({ deadline, past }: { readonly deadline: number; readonly past: string }) {
  const { now } = useLive();
  const isOver = now > deadline;
  return (
    <time class={isOver ? 'past' : 'left'} dateTime={dateText(deadline)} title={dateText(deadline)}>
      {isOver ? past : `${durationText(deadline - now)} left`}
    </time>
  );
}

const REQUEST_WORDS: Readonly<Record<RequestJson['status'], string>> = {
  open: 'waiting',
  closed: 'closed',
  answered: 'answered',
  cancelled: 'cancelled',
};

const REQUEST_NOTES: Readonly<Record<string, string>> = {
  waiting: 'nobody has answered yet',
  claimed: 'an answer can still be challenged',
  disputed: 'an answer is being disputed',
  answered: 'it has its final answer',
  closed: 'it takes no more answers',
  cancelled: 'its requester took it back',
};

/** How a dispute ended. Nobody won one that was overtaken: its challenger has its bond back. */
export const Ending = ({ ended }: { readonly ended: EndJson }) => {
  const { winner, isOvertaken } = ended;
  if (isOvertaken) return <span class="chip">overtaken</span>;
  return <span class={`chip ${winner === 'challenger' ? 'false' : 'final'}`}>{winner} won</span>;
};

const CLAIM_WORDS: Readonly<Record<ClaimJson['status'], string>> = {
  open: 'open',
  final: 'final',
  falsified: 'false',
};

export const RequestStatus = ({ request }: { readonly request: RequestJson }) => {
  const isDisputed = request.openDisputes > 0;
  const word = isDisputed
    ? 'disputed'
    : request.status === 'open' && request.claims > request.falsified
      ? 'claimed'
      : REQUEST_WORDS[request.status];
  return (
    <span class={`chip ${word}`} title={REQUEST_NOTES[word]}>
      {word}
    </span>
  );
};

export const ClaimStatus = ({ claim }: { readonly claim: ClaimJson }) => (
  <span class={`chip ${CLAIM_WORDS[claim.status]}`}>{CLAIM_WORDS[claim.status]}</span>
);

/** A heading with its name and what belongs beside it. */
export const Card = (props: {
  readonly title: string;
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}) => (
  <section class="card" aria-label={props.title}>
    <header>
      <h2>{props.title}</h2>
      {props.aside}
    </header>
    {props.children}
  </section>
);

/** Content that is loaded and shown when somebody opens it. */
export function Fold(props: { readonly summary: string; readonly children: ComponentChildren }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="fold" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>{props.summary}</summary>
      {isOpen && props.children}
    </details>
  );
}

/** Names and values, in two columns. */
export const Facts = ({ rows }: { readonly rows: readonly (readonly [string, ComponentChildren])[] }) => (
  <dl class="facts">
    {rows.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

interface TableProps {
  readonly label: string;
  readonly head: readonly string[];
}

const Frame = ({
  label,
  head,
  children,
  count,
}: TableProps & { readonly children: ComponentChildren; readonly count?: number }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
  <section class="scroll" tabIndex={0} aria-label={`table of ${label.toLowerCase()}`}>
    <table aria-rowcount={count}>
      <thead>
        <tr>
          {head.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      {children}
    </table>
  </section>
);

/** A table that may be wider than a phone. */
export const Table = ({ children, ...props }: TableProps & { readonly children: ComponentChildren }) => (
  <Frame {...props}>
    <tbody>{children}</tbody>
  </Frame>
);

/** The same, of any number of rows. @param show makes the `<tr>` of one, with its `aria-rowindex` */
export const LongTable = <Row,>({
  rows,
  show,
  ...props
}: TableProps & {
  readonly rows: readonly Row[];
  readonly show: (row: Row, index: number) => ComponentChildren;
}) => (
  // The head is the first row.
  <Frame {...props} count={rows.length + 1}>
    <Rows rows={rows} show={(row, index) => show(row, index + 1)} />
  </Frame>
);

/** Shows what was read, or why it could not be. */
export function Shown<T>({
  read,
  children,
}: {
  readonly read: Read<T>;
  readonly children: (data: T) => ComponentChildren;
}) {
  const { data, failure } = read;
  if (data === undefined) {
    if (!failure) return <p class="loading">Loading …</p>;
    return (
      <p class="trouble" role="alert">
        {failure.status === 404 ? `Not found: ${failure.message}.` : `Cannot be shown: ${failure.message}.`}
      </p>
    );
  }
  return (
    <>
      {failure && (
        <p class="trouble" role="alert">
          This may be old: {failure.message}.
        </p>
      )}
      {children(data)}
    </>
  );
}
