/** Requests signed by `aws4`, at random, presigned and for S3. */

import { assert, assertEquals } from "@std/assert";
import { signWithAws4, type Unsigned } from "../support/sigv4/aws4_signer.ts";
import {
  type RawRequest,
  SigV4Verifier,
  type VerifierOptions,
} from "../support/sigv4/verifier.ts";

const NOON = new Date("2026-03-01T12:00:00Z");
const KEY = { accessKeyId: "AKIDTEST", secretAccessKey: "a-secret-for-tests" };
const SCOPE = { region: "eu-west-1", service: "execute-api", date: NOON };
const OPTIONS: VerifierOptions = {
  principals: { AKIDTEST: KEY },
  region: "eu-west-1",
  service: "execute-api",
  clock: () => NOON.getTime(),
};

/** A linear congruential generator: the same requests at every run. */
function* numbers(seed: number): Generator<number, never> {
  for (;;) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    yield seed / 2 ** 32;
  }
}

function randomRequest(random: Generator<number, never>): Unsigned {
  const upTo = (limit: number): number =>
    Math.floor(random.next().value * limit);
  const text = (alphabet: string[], longest: number): string =>
    Array.from({ length: upTo(longest) }, () => alphabet[upTo(alphabet.length)])
      .join("");
  const letters = [..."abzAZ09-._~ !*'()$&+,;=:@/?%#[]é中😀\t\""];
  const segment = (): string => encodeURIComponent(text(letters, 8));
  const path = `/${Array.from({ length: upTo(5) }, segment).join("/")}`;
  const query = Array.from(
    { length: upTo(5) },
    () => `q${text(letters, 4)}`,
  ).map((name) => `${encodeURIComponent(name)}=${segment()}`).join("&");
  return {
    method: ["GET", "POST", "PUT", "DELETE"][upTo(4)] ?? "GET",
    target: query === "" ? path : `${path}?${query}`,
    host: "abc.execute-api.eu-west-1.amazonaws.com",
    headers: { "X-One": text([...'ab  ,"='], 12), "x-two": "2" },
    body: new TextEncoder().encode(text(letters, 40)),
  };
}

function accepts(options: VerifierOptions, request: RawRequest): void {
  const verdict = new SigV4Verifier(options).verify(request);
  assert(verdict.ok, verdict.ok ? "" : `${request.target}\n${verdict.message}`);
}

Deno.test("500 random requests signed by aws4 verify, half of them presigned", () => {
  const random = numbers(4);
  for (let i = 0; i < 500; i++) {
    const request = { ...randomRequest(random), presign: i % 2 === 1 };
    accepts(OPTIONS, signWithAws4(request, KEY, SCOPE));
  }
});

Deno.test("what aws4 signs with another secret never verifies", () => {
  const random = numbers(5);
  const verifier = new SigV4Verifier(OPTIONS);
  for (let i = 0; i < 100; i++) {
    const request = { ...randomRequest(random), presign: i % 2 === 1 };
    const key = { ...KEY, secretAccessKey: "another" };
    assert(!verifier.verify(signWithAws4(request, key, SCOPE)).ok);
  }
});

Deno.test("an S3 path is signed as it is sent, neither resolved nor encoded again", () => {
  const options: VerifierOptions = {
    ...OPTIONS,
    service: "s3",
    normalizePath: false,
    doubleEncodePath: false,
  };
  const scope = { ...SCOPE, service: "s3" };
  const request: Unsigned = {
    method: "GET",
    target: "/bucket//a%20b/../%E4%B8%AD",
    host: "s3.eu-west-1.amazonaws.com",
  };
  accepts(options, signWithAws4(request, KEY, scope));
  accepts(options, signWithAws4({ ...request, presign: true }, KEY, scope));
  const asUsual = new SigV4Verifier({ ...OPTIONS, service: "s3" });
  assert(!asUsual.verify(signWithAws4(request, KEY, scope)).ok);
});

Deno.test("a presigned URL with a session token verifies until it expires", () => {
  const key = { ...KEY, sessionToken: "a/session+token==" };
  const options = { ...OPTIONS, principals: { AKIDTEST: key } };
  const signed = signWithAws4(
    {
      method: "GET",
      target: "/a?X-Amz-Expires=900",
      host: "h.example",
      presign: true,
    },
    key,
    SCOPE,
  );
  const at = (offsetMs: number): SigV4Verifier =>
    new SigV4Verifier({ ...options, clock: () => NOON.getTime() + offsetMs });
  assert(at(0).verify(signed).ok);
  assert(at(900_000).verify(signed).ok);
  const late = at(901_000).verify(signed);
  assert(!late.ok);
  assertEquals(
    late.message,
    "Signature expired: 20260301T120000Z is now earlier than " +
      "20260301T120001Z (20260301T121501Z - 15 min.)",
  );
  for (
    const [from, to] of [
      ["/a?", "/b?"],
      ["X-Amz-Expires=900", "X-Amz-Expires=9000"],
      ["Security-Token=a", "Security-Token=b"],
      ["Signature=", "Signature=0"],
      ["execute-api", "lambda"],
      ["AKIDTEST", "AKIDOTHER"],
    ] as const
  ) {
    assert(signed.target.includes(from));
    const changed = { ...signed, target: signed.target.replace(from, to) };
    assert(!at(0).verify(changed).ok, `${from} → ${to} was accepted`);
  }
});

Deno.test("a bare plus in a query is what the service takes it for", () => {
  const signed = signWithAws4(
    { method: "GET", target: "/?q=a%20b", host: "h.example" },
    KEY,
    SCOPE,
  );
  const sent = { ...signed, target: "/?q=a+b" };
  accepts({ ...OPTIONS, plusInQuery: "space" }, sent);
  assert(!new SigV4Verifier(OPTIONS).verify(sent).ok);
});
