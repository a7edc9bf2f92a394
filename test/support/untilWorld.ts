import type { World } from '../../src/chain/contracts/world.ts';
import type { Pass } from '../../src/chain/service/loop.ts';

/**
 * Looks at a chain until `done`; the test's own timeout ends it otherwise.
 *
 * @param meanwhile runs before each look
 */
export async function untilWorld(
  history: { update(): Promise<World> },
  done: (world: World) => boolean,
  { meanwhile, pauseMs = 100 }: { readonly meanwhile?: Pass | undefined; readonly pauseMs?: number } = {},
): Promise<World> {
  for (;;) {
    await meanwhile?.();
    const world = await history.update();
    if (done(world)) return world;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
