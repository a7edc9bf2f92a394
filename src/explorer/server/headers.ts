/** The headers of all answers: what a page of this server may do, and under which names it is asked. */

/**
 * What a page may do. In a document nothing makes markup or scripts of a string; workers start the engine's threads from
 * blobs.
 *
 * @param others whom a page asks besides its own host
 * @param place of the policy: the header of a document or of a worker's script, or an element of the document, in which
 *   nothing can be said about frames (Content Security Policy Level 3, section 3.3)
 */
export function policyFor(others: readonly string[], place: 'document' | 'worker' | 'meta'): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self'",
    ['connect-src', "'self'", ...others].join(' '),
    "worker-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    ...(place === 'meta' ? [] : ["frame-ancestors 'none'"]),
    ...(place === 'worker' ? [] : ["require-trusted-types-for 'script'", 'trusted-types assay']),
  ].join('; ');
}

export const DOCUMENT_POLICY = policyFor([], 'document');

/**
 * Pages run scripts and WebAssembly of this server, and connect to it alone. They are isolated, so that threads may share
 * memory (HTML Standard, "cross-origin isolation").
 */
export const HEADERS = {
  'content-security-policy': policyFor([], 'worker'),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** The names of this machine to itself. */
const LOCAL = ['localhost', '127.0.0.1', '::1'];

/**
 * Whether the Host header names this server, so that no stranger's page reaches a server on this machine (DNS rebinding).
 *
 * @param host that it listens on
 * @param asked what the Host header says
 */
export function isOwnName(host: string, asked: string | undefined): boolean {
  const name = (asked ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return !LOCAL.includes(host) || LOCAL.includes(name);
}
