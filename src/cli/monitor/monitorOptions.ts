import { InputError } from '../../files/inputError.ts';
import type { Thresholds } from '../../monitor/alarms.ts';
import { isWebAddress } from '../../operator/webAddress.ts';
import { parseBounded } from '../arguments.ts';
import type { ReaderOptions } from '../connection/connection.ts';
import type { EngineOptions } from '../models/engines.ts';
import type { LimitOptions } from '../models/found.ts';
import type { ImportArguments } from '../models/loadModel.ts';
import type { SourceOptions } from '../models/sources.ts';
import { type LogArguments, parseLogOptions } from '../services/logOptions.ts';
import { parseBlock } from '../services/service.ts';
import { parseHeartbeat, parseMetricsPort, type StatusArguments } from '../services/statusOptions.ts';

/** Options of all commands that raise alarms. */
export interface AlarmOptions {
  readonly webhook?: string;
  readonly intervalSeconds: string;
  readonly alarmClockPercent: string;
  readonly alarmWindowPercent: string;
}

export interface MonitorOptions
  extends ReaderOptions,
    EngineOptions,
    ImportArguments,
    SourceOptions,
    LimitOptions,
    LogArguments,
    StatusArguments,
    AlarmOptions {
  readonly fromBlock?: string;
  readonly workers?: string;
  readonly all?: boolean;
  readonly once?: boolean;
  readonly json?: boolean;
}

const LONGEST_INTERVAL_SECONDS = 3600;

/** Everything that is text on the command line, as numbers. @throws InputError naming the option */
export function parseMonitor(options: MonitorOptions) {
  const share = (option: string, text: string): number => parseBounded(option, text, 1, 100) / 100;
  const thresholds: Thresholds = {
    clockShare: share('--alarm-clock-percent', options.alarmClockPercent),
    windowShare: share('--alarm-window-percent', options.alarmWindowPercent),
  };
  const { intervalSeconds, webhook, fromBlock } = options;
  if (webhook !== undefined && !isWebAddress(webhook)) {
    throw new InputError('--webhook: write an http or https address', 2);
  }
  parseMetricsPort(options);
  return {
    thresholds,
    log: parseLogOptions(options),
    heartbeatSeconds: parseHeartbeat(options),
    pauseMs: 1000 * parseBounded('--interval-seconds', intervalSeconds, 1, LONGEST_INTERVAL_SECONDS),
    fromBlock: fromBlock === undefined ? undefined : parseBlock(fromBlock),
  };
}
