import { AlarmBook } from '../../monitor/alarmBook.ts';
import { ALARMS, type Alarm } from '../../monitor/alarms.ts';
import { durationText } from '../../operator/duration.ts';
import type { Log } from '../../operator/log.ts';
import type { Metrics } from '../../operator/metrics.ts';
import type { Webhook } from '../../operator/webhook.ts';
import { alarmLine } from './forecastLines.ts';

/** Alarms in one message of the webhook, and lines of the log after one look; the rest are counted. */
const MOST_IN_MESSAGE = 50;

/** Tells alarms when they start, now and then while they last, and when they are over: log, webhook and metric. */
export class AlarmDesk {
  readonly #book = new AlarmBook();
  readonly #log: Log;
  readonly #webhook: Webhook | undefined;
  readonly #metrics: Metrics;
  readonly #place: { readonly chainId: string; readonly oracle: string };

  /** @param place what the messages of the webhook are about */
  constructor(
    log: Log,
    webhook: Webhook | undefined,
    metrics: Metrics,
    place: { readonly chainId: string; readonly oracle: string },
  ) {
    this.#log = log;
    this.#webhook = webhook;
    this.#metrics = metrics;
    this.#place = place;
  }

  show(alarms: readonly Alarm[]): void {
    const { started, lasting, over } = this.#book.update(alarms, performance.now() / 1000);
    this.#count(alarms);
    const told = [...started, ...lasting];
    for (const alarm of told.slice(0, MOST_IN_MESSAGE)) {
      const { name, severity, subject } = alarm;
      const tell = severity === 'critical' ? this.#log.error : this.#log.warn;
      tell(alarmLine(alarm), { kind: 'alarm', alarm: name, severity, subject });
    }
    if (told.length > MOST_IN_MESSAGE) this.#log.error(`${told.length - MOST_IN_MESSAGE} more alarms`);
    for (const { name, subject } of over.slice(0, MOST_IN_MESSAGE)) {
      this.#log.info(`alarm ${name} is over: ${subject}`, { kind: 'alarmOver', alarm: name, subject });
    }
    const firing = told.map((alarm) => ({ state: 'firing' as const, ...alarm }));
    const news = [...firing, ...over.map((alarm) => ({ state: 'over' as const, ...alarm }))];
    if (news.length > 0) this.#post(news);
  }

  /** Adds that the chain cannot be read to the alarms as they were. */
  showBlind(blindMs: number): void {
    const subject = 'the chain';
    const sentence = `nothing could be read from the chain for ${durationText(blindMs)}, so nothing is forecast`;
    const others = this.#book.alarms.filter(({ name }) => name !== 'chain-unreadable');
    const severity = 'critical';
    this.show([...others, { name: 'chain-unreadable', severity, subject, sentence, deadline: undefined }]);
  }

  #count(alarms: readonly Alarm[]): void {
    for (const name of ALARMS) {
      const count = alarms.filter((alarm) => alarm.name === name).length;
      this.#metrics.alarms.set({ alarm: name }, count);
    }
  }

  #post(news: readonly (Alarm & { readonly state: 'firing' | 'over' })[]): void {
    const listed = news.slice(0, MOST_IN_MESSAGE);
    const lines = listed.map((one) => (one.state === 'over' ? `over: ${one.sentence}` : alarmLine(one)));
    this.#webhook?.post({
      // Chat programs show this field.
      text: lines.join('\n'),
      at: new Date().toISOString(),
      ...this.#place,
      alarms: listed,
      left: news.length - listed.length,
    });
  }
}
