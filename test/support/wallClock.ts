const HOUR_MS = 3_600_000;

/** Lets a test set the wall clock of this process back by an hour: libraries read it too, so it cannot come as an argument. */
export async function withWallClock(test: (setBack: () => void) => Promise<void>): Promise<void> {
  const real = Date.now;
  let behindMs = 0;
  Date.now = () => real() - behindMs;
  try {
    await test(() => {
      behindMs += HOUR_MS;
    });
  } finally {
    Date.now = real;
  }
}
