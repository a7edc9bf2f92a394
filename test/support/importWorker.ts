import { ImportError, type ImportOptions, importOnnx } from '../../src/onnx/index.ts';

/** A process that imports what it is sent, so that a hang or a lack of memory ends it and not the test. */

export interface Outcome {
  /** Processor time. */
  readonly seconds: number;
  /** The refusal; `undefined` if the file was compiled. */
  readonly refusal?: string;
  /** An error other than ImportError, if one was thrown. */
  readonly crash?: string;
  /** Greatest memory of the process so far. */
  readonly megabytes: number;
}

export interface Order {
  readonly bytes: Uint8Array;
  readonly options: ImportOptions;
}

function outcomeOf({ bytes, options }: Order): Omit<Outcome, 'seconds' | 'megabytes'> {
  try {
    importOnnx(bytes, options);
    return {};
  } catch (error) {
    if (error instanceof ImportError) return { refusal: error.message };
    return { crash: String((error as Error)?.stack ?? error) };
  }
}

process.on('message', (order: Order) => {
  const start = process.cpuUsage();
  const outcome = outcomeOf(order);
  const { user, system } = process.cpuUsage(start);
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  process.send?.({ ...outcome, seconds: (user + system) / 1e6, megabytes } satisfies Outcome);
});
