/** Why a claim cannot be checked here. The message is one sentence without its point. */
export class Unavailable extends Error {
  override name = 'Unavailable';
}
