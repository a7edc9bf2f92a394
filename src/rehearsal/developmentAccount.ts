import { HDNodeWallet, Mnemonic } from 'ethers';

/** The phrase of every development chain's accounts. */
const PHRASE = Mnemonic.fromPhrase('test test test test test test test test test test test junk');

/** Accounts derived so far: one takes 10 ms. */
const derived = new Map<number, HDNodeWallet>();

/** An account that every development chain has, and whose key everybody knows. */
export function developmentAccount(index: number): HDNodeWallet {
  const known = derived.get(index);
  if (known) return known;
  const made = HDNodeWallet.fromMnemonic(PHRASE, `m/44'/60'/0'/0/${index}`);
  derived.set(index, made);
  return made;
}
