/** `fetch` takes no name and password in an address; they go into a header. */
export function splitCredentials(text: string): { address: URL; headers: Record<string, string> } {
  const address = new URL(text);
  if (address.username === '' && address.password === '') return { address, headers: {} };
  const pair = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`;
  address.username = '';
  address.password = '';
  return { address, headers: { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } };
}

/** Whether `text` is an http or https address. */
export const isWebAddress = (text: string): boolean =>
  URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
