import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** A component that is loaded when it is first shown. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  return function Later(props: Props) {
    const [Loaded, setLoaded] = useState<ComponentType<Props>>();
    const [isMissing, setMissing] = useState(false);
    useEffect(() => {
      load().then(
        (one) => setLoaded(() => one),
        () => setMissing(true),
      );
    }, []);
    if (Loaded) return <Loaded {...props} />;
    if (!isMissing) return <p class="loading">Loading …</p>;
    return (
      <p class="trouble" role="alert">
        This part of the page cannot be loaded. Load the page again once its server answers.
      </p>
    );
  };
}
