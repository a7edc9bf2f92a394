import { useEffect, useState } from 'preact/hooks';

/**
 * What a component reads once, and again when something that it depends on changes. A failure leaves what was read before.
 *
 * @returns undefined until it is there
 */
export function useFound<T>(read: () => Promise<T>, dependencies: readonly unknown[]): T | undefined {
  const [found, setFound] = useState<T>();
  useEffect(() => {
    let isWanted = true;
    read().then(
      (one) => isWanted && setFound(() => one),
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, dependencies);
  return found;
}
