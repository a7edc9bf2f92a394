import type { Alarm } from './alarms.ts';

/** Alarms that changed between two looks. */
export interface AlarmChanges {
  /** New, or worse than before. */
  readonly started: readonly Alarm[];
  /** Still there after a while: told again, less and less often. */
  readonly lasting: readonly Alarm[];
  readonly over: readonly Alarm[];
}

interface Entry {
  readonly alarm: Alarm;
  readonly againAt: number;
  readonly pauseSeconds: number;
}

const FIRST_PAUSE_SECONDS = 300;
const LONGEST_PAUSE_SECONDS = 3600;

/** Knows which alarms were told, so that each is told when it starts, now and then while it lasts, and when it is over. */
export class AlarmBook {
  #entries = new Map<string, Entry>();

  /** Alarms as of the last look. */
  get alarms(): Alarm[] {
    return [...this.#entries.values()].map(({ alarm }) => alarm);
  }

  /** @param now seconds, from any beginning */
  update(alarms: readonly Alarm[], now: number): AlarmChanges {
    const started: Alarm[] = [];
    const lasting: Alarm[] = [];
    const entries = new Map<string, Entry>();
    for (const alarm of alarms) {
      const key = `${alarm.name}/${alarm.subject}`;
      const known = this.#entries.get(key);
      const isNews = !known || (known.alarm.severity === 'warning' && alarm.severity === 'critical');
      const isDue = !isNews && now >= known.againAt;
      const pauseSeconds = isNews
        ? FIRST_PAUSE_SECONDS
        : Math.min(LONGEST_PAUSE_SECONDS, known.pauseSeconds * (isDue ? 2 : 1));
      if (isNews) started.push(alarm);
      else if (isDue) lasting.push(alarm);
      const againAt = isNews || isDue ? now + pauseSeconds : known.againAt;
      entries.set(key, { alarm, againAt, pauseSeconds });
    }
    const over = [...this.#entries].filter(([key]) => !entries.has(key)).map(([, { alarm }]) => alarm);
    this.#entries = entries;
    return { started, lasting, over };
  }
}
