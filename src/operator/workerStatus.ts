import { collectDefaultMetrics, Registry } from 'prom-client';
import type { WorkStatus } from '../work/runner.ts';
import { createMetrics } from './metrics.ts';
import type { Told } from './server.ts';

export interface WorkerFacts {
  readonly version: string;
  /** Host and port of the queue. */
  readonly queue: string;
  isQueueUp(): boolean;
  models(): number;
  work(): WorkStatus;
}

/** The status of a worker of a fleet: metrics, health and heartbeat. It knows no chain and no account. */
export class WorkerStatus implements Told {
  readonly registry = new Registry();
  readonly #metrics = createMetrics();
  readonly #facts: WorkerFacts;

  constructor(facts: WorkerFacts) {
    this.#facts = facts;
    const { info, runs, runsQueued, queueUp } = this.#metrics;
    for (const metric of [info, runs, runsQueued, queueUp]) this.registry.registerMetric(metric);
    collectDefaultMetrics({ register: this.registry });
    info.set({ command: 'worker', version: facts.version, chain: '', oracle: '', account: '' }, 1);
    this.look();
  }

  /** Brings the metrics up to date. */
  look(): void {
    const { runs, runsQueued, queueUp } = this.#metrics;
    const { waiting, running, ...counts } = this.#facts.work();
    for (const outcome of ['done', 'failed', 'dropped'] as const) runs.set({ outcome }, counts[outcome]);
    runsQueued.set(waiting + running);
    queueUp.set({ queue: this.#facts.queue }, this.#facts.isQueueUp() ? 1 : 0);
  }

  /** Whoever answers is alive. */
  deaths(): readonly string[] {
    return [];
  }

  obstacles(): readonly string[] {
    const { queue } = this.#facts;
    return this.#facts.isQueueUp() ? [] : [`the queue at ${queue} does not answer`];
  }

  heartbeat(): string {
    const { done, failed, waiting, running } = this.#facts.work();
    const state = this.#facts.isQueueUp() ? (running > 0 ? 'busy' : 'idle') : 'without its queue';
    return `${state}: ${this.#facts.models()} models, ${done} runs made, ${failed} failed, ${running} going on, ${waiting} waiting`;
  }
}
