/** Carries a proof of possession (RFC 9449 §4.1): once on a request, or not at all. */
export const DPOP_HEADER = "DPoP";

/** On an answer: the nonce to make the next proof with (RFC 9449 §8). */
export const DPOP_NONCE_HEADER = "DPoP-Nonce";
