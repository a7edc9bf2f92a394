import { HDNodeWallet, Mnemonic } from 'ethers';

/** The phrase of every development chain's accounts. */
const PHRASE = Mnemonic.fromPhrase('test test test test test test test test test test test junk');

/** An account that every development chain has, and whose key everybody knows. */
export const developmentAccount = (index: number): HDNodeWallet =>
  HDNodeWallet.fromMnemonic(PHRASE, `m/44'/60'/0'/0/${index}`);
