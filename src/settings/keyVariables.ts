/** Holds the private key of the account if nothing else names one. */
export const KEY_VARIABLE = 'ASSAY_KEY';

/** Holds the password of the keystore if no file does. */
export const PASSWORD_VARIABLE = 'ASSAY_PASSWORD';
