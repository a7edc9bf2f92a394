/** Scripts of this page that run beside it. */
const SCRIPTS = ['check.js', 'text.js'] as const;

/** The one way in which this page makes an address of a script from a string. */
const policy = (
  globalThis as {
    trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(url: string): string } };
  }
).trustedTypes?.createPolicy('assay', {
  createScriptURL: (url: string) => {
    if (!SCRIPTS.some((one) => one === url)) throw new TypeError(`${url} is no script of this page`);
    return url;
  },
});

export const startWorker = (script: (typeof SCRIPTS)[number]): Worker =>
  new Worker(policy ? policy.createScriptURL(script) : script, { type: 'module' });
