/**
 * Secrets that are known in two places: what signs knows the keys, what carries
 * messages the sessions, the cookies and the headers.
 *
 * @module
 */

import { Redactor } from "./redact.ts";

/**
 * Lets a redactor and those of signed fetches replace what any of them knows.
 *
 * @param redactor The one that is joined with the others.
 * @param fetches Signed ones have a redactor of their own.
 * @returns Takes it back.
 */
export function joinSecrets(
  redactor: Redactor,
  fetches: readonly (typeof globalThis.fetch)[],
): () => void {
  const signers = new Set<Redactor>();
  for (const fetch of fetches) {
    if (!("redactor" in fetch)) continue;
    const signer = fetch.redactor;
    if (signer instanceof Redactor && signer !== redactor) signers.add(signer);
  }
  for (const signer of signers) {
    redactor.join(signer);
    signer.join(redactor);
  }
  return () => {
    for (const signer of signers) signer.leave(redactor);
  };
}
