import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** A component that is loaded when it is first shown. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  return function Later(props: Props) {
    const [Loaded, setLoaded] = useState<ComponentType<Props>>();
    useEffect(() => {
      load().then(
        (one) => setLoaded(() => one),
        () => undefined,
      );
    }, []);
    return Loaded ? <Loaded {...props} /> : <p class="loading">Loading …</p>;
  };
}
