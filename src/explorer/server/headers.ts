/** The headers of every answer, which limit what a page may do, and the check of the Host header of every request. */

/**
 * The Content Security Policy of a page. A document cannot turn strings into markup or scripts (Trusted Types); a worker can
 * start the engine's threads from blobs.
 *
 * @param others origins that a page connects to besides its own
 * @param place where the policy stands: the header of a document, the header of a worker's script, or a `meta` element, which
 *   cannot restrict frames (Content Security Policy Level 3, section 3.3)
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
 * A page runs scripts and WebAssembly of this server only, and connects to no other. It is isolated, so that its threads can
 * share memory (HTML Standard, "cross-origin isolation").
 */
export const HEADERS = {
  'content-security-policy': policyFor([], 'worker'),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** Names by which a machine reaches itself. */
const LOCAL = ['localhost', '127.0.0.1', '::1'];

/**
 * Whether the Host header names this server. A server on this machine refuses all others, so that a page of a stranger cannot
 * reach it under a name of its own (DNS rebinding).
 *
 * @param host address that the server listens on
 * @param asked value of the Host header
 */
export function isOwnName(host: string, asked: string | undefined): boolean {
  const name = (asked ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return !LOCAL.includes(host) || LOCAL.includes(name);
}
