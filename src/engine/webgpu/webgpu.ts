import type { Program } from '../../program/node.ts';
import { xorshift32 } from '../../scalar/xorshift32.ts';
import { checkWeights, type Engine, EngineError, type Session } from '../engine.ts';
import { loopCost } from '../passes/planNode.ts';
import { GpuDevice } from './device.ts';
import { selfTest } from './selfTest.ts';
import { WebgpuSession } from './session.ts';

/** Why the CPU serves: there is no device, it fails its test, it has failed since, or a program does not fit it. */
export type DeviceRefusal = 'absent' | 'wrong' | 'failed' | 'too large';

export interface WebgpuOptions {
  /**
   * The browser's `navigator.gpu`, or what npm `webgpu` creates; undefined where there is none. Its type is `GPU`, which the
   * types of some compilers do not know.
   */
  readonly gpu: () => Promise<object | undefined>;
  /** The engine that serves where there is no device, or none that is right, and for cached programs. */
  readonly cpu: Engine;
  /** Fraction of runs of which one node is checked against the definition; 1/32 by default. */
  readonly spotChecks?: number;
  /** Is told in one line why the CPU serves instead of a device. */
  readonly warn?: (line: string, refusal: DeviceRefusal) => void;
  /** Is told the name of the device for each program that one takes. */
  readonly taken?: (device: string) => void;
  /** Scalar instructions of a run below which a program stays on the CPU; none by default. */
  readonly leastCost?: number;
  /** Whether every node is computed in integers alone: slow, for tests. */
  readonly isInterpreted?: boolean;
}

const SPOT_CHECKS = 1 / 32;

/** Seed of the generator that spot checks draw from. */
const SEED = 0x9e3779b9;

/** Scalar instructions of a run below which the CPU is done before a device has started. */
export const LARGE_COST = 2 ** 25;

/**
 * The engine that runs loops as WGSL on a GPU, with the bits of the reference. A device is believed after a test when it is
 * first used; one that fails is refused with a sentence, and the CPU serves. Kernels are compiled once for all sessions.
 */
export function webgpuEngineWith(options: WebgpuOptions): Engine {
  const { cpu, spotChecks = SPOT_CHECKS, warn = () => undefined, leastCost = 0 } = options;
  const { isInterpreted = false, taken = () => undefined } = options;
  const next = xorshift32(SEED);
  let opened: Promise<GpuDevice | undefined> | undefined;
  const open = async (): Promise<GpuDevice | undefined> => {
    const gpu = (await options.gpu()) as GPU | undefined;
    const device = gpu && (await GpuDevice.open(gpu));
    if (!device) {
      warn('there is no device for WebGPU here; the CPU serves', 'absent');
      return undefined;
    }
    try {
      await selfTest(device);
      return device;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      device.close();
      warn(`${error.message}; the CPU serves`, 'wrong');
      return undefined;
    }
  };
  return {
    name: 'webgpu',
    load: async (program, weights): Promise<Session> => {
      checkWeights(program, weights);
      if (programCost(program) < leastCost) return cpu.load(program, weights);
      opened ??= open();
      const device = await opened;
      if (!device || device.lost !== undefined) return cpu.load(program, weights);
      try {
        const request = { program, weights, device, isInterpreted };
        const session = await WebgpuSession.load(request, { cpu, spotChecks, next, warn });
        taken(device.name);
        return session;
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        warn(`${error.message}; the CPU serves`, 'too large');
        return cpu.load(program, weights);
      }
    },
    loadCached: (program, weights) => cpu.loadCached(program, weights),
  };
}

const programCost = ({ nodes }: Program): number =>
  nodes.reduce((sum, node) => sum + (node.kind === 'loop' ? loopCost(node) : 0), 0);
