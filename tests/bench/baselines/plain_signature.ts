/**
 * A v4 signature in as few steps as there are: what the baselines sign with.
 */

import { createHash, createHmac } from "node:crypto";

const REGION = "us-east-1";
const SERVICE = "execute-api";
const accessKeyId = Deno.env.get("AWS_ACCESS_KEY_ID") ?? "";
const secretAccessKey = Deno.env.get("AWS_SECRET_ACCESS_KEY") ?? "";

function hmac(key: string | Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

let heldDay = "";
let heldKey: Uint8Array = new Uint8Array();

function keyOf(day: string): Uint8Array {
  if (day !== heldDay) {
    const steps = [day, REGION, SERVICE, "aws4_request"];
    heldKey = steps.reduce<Uint8Array>(
      hmac,
      new TextEncoder().encode(`AWS4${secretAccessKey}`),
    );
    heldDay = day;
  }
  return heldKey;
}

/** The headers of a signed POST; those given are signed, sorted by name. */
export function signedHeaders(
  url: URL,
  body: Uint8Array,
  given: Record<string, string>,
): Record<string, string> {
  const hash = sha256(body);
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, "");
  const scope = `${date.slice(0, 8)}/${REGION}/${SERVICE}/aws4_request`;
  const headers: Record<string, string> = {
    ...given,
    host: url.host,
    "x-amz-content-sha256": hash,
    "x-amz-date": date,
  };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const signed = names.join(";");
  const canonical = `POST\n${url.pathname}\n\n${lines}\n${signed}\n${hash}`;
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`;
  const signature = createHmac("sha256", keyOf(date.slice(0, 8)))
    .update(text).digest("hex");
  delete headers.host;
  headers.authorization =
    `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
  return headers;
}
