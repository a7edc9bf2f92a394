/** Names that networks give to machines of their own. */
const INNER = /\.(?:local|internal|localhost|lan|home|intranet|arpa)$/;
const NAME = /^(?:[a-z0-9_-]+\.)+[a-z][a-z0-9-]*$/;

/**
 * Whether a page asks for a URL that a stranger gave: at its own host, or by https at a name of the public internet, so
 * that nobody makes it ask machines of the network that it is in.
 *
 * @param own origin of the page
 */
export function isAskable(url: string, own: string): boolean {
  if (!URL.canParse(url)) return false;
  const { origin, protocol, hostname, username, password } = new URL(url);
  if (username !== '' || password !== '') return false;
  if (origin === own) return true;
  return protocol === 'https:' && NAME.test(hostname) && !INNER.test(hostname);
}
