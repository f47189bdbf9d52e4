/** AWS's own vectors, where they are there, and three of them as plain facts. */

import { assertEquals } from "@std/assert";
import {
  type RawRequest,
  SigV4Verifier,
  type VerifierOptions,
} from "../support/sigv4/verifier.ts";
import { publicPoint } from "../support/sigv4/v4a_key.ts";

const VECTORS = new URL("../../../shared/vectors/", import.meta.url);
const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const ON_THE_DAY: VerifierOptions = {
  principals: { AKIDEXAMPLE: { secretAccessKey: SECRET } },
  region: "us-east-1",
  service: "service",
  clock: () => Date.UTC(2015, 7, 30, 12, 36),
};

/** Published as a request alone: there is no signature to verify. */
const NEVER_SIGNED = [
  "v4a/get-vanilla-query-order-key",
  "v4a/get-vanilla-query-order-value",
];

interface Context {
  readonly credentials: { readonly token?: string };
  readonly normalize: boolean;
  readonly omit_session_token?: boolean;
}

async function read(folder: URL, name: string): Promise<string> {
  const bytes = await Deno.readFile(new URL(name, folder));
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A request of the vectors: header lines may be folded, paths hold spaces. */
function parse(text: string): RawRequest {
  const [head = "", ...body] = text.split("\n\n");
  const [first = "", ...lines] = head.replace(/\n\s+/g, " ").split("\n");
  const [, method = "", target = ""] = /^(\S+) (.*) HTTP\/1\.1$/.exec(first) ??
    [];
  return {
    method,
    target,
    headers: lines.filter((line) => line !== "").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1)];
    }),
    body: new TextEncoder().encode(body.join("\n\n")),
  };
}

function withSignature(request: RawRequest, signature: string): RawRequest {
  return {
    ...request,
    headers: request.headers.map(([name, value]) => [
      name,
      name === "Authorization"
        ? value.replace(/Signature=.*/, `Signature=${signature}`)
        : value,
    ]),
  };
}

async function folders(version: string): Promise<URL[]> {
  try {
    const found: URL[] = [];
    for await (const entry of Deno.readDir(new URL(version, VECTORS))) {
      if (NEVER_SIGNED.includes(`${version}/${entry.name}`)) continue;
      found.push(new URL(`${version}/${entry.name}/`, VECTORS));
    }
    return found;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.log(`AWS's ${version} vectors are not there: not compared`);
    return [];
  }
}

async function compare(folder: URL): Promise<void> {
  const context: Context = JSON.parse(await read(folder, "context.json"));
  const request = parse(await read(folder, "header-signed-request.txt"));
  const signature = await read(folder, "header-signature.txt");
  const verifier = new SigV4Verifier({
    ...ON_THE_DAY,
    principals: {
      AKIDEXAMPLE: {
        secretAccessKey: SECRET,
        sessionToken: context.credentials.token,
      },
    },
    normalizePath: context.normalize,
    allowUnsignedToken: context.omit_session_token,
  });
  for (const signed of [request, withSignature(request, signature)]) {
    const verdict = verifier.verify(signed);
    assertEquals(verdict.ok, true, `${folder.pathname}: ${verdict.ok}`);
    assertEquals(
      verdict.canonicalRequest,
      await Deno.readTextFile(new URL("header-canonical-request.txt", folder)),
    );
    assertEquals(
      verdict.stringToSign,
      await read(folder, "header-string-to-sign.txt"),
    );
  }
}

Deno.test("every published v4 request verifies, its canonical request to the letter", async () => {
  for (const folder of await folders("v4")) await compare(folder);
});

Deno.test("every published v4a request verifies, its canonical request to the letter", async () => {
  for (const folder of await folders("v4a")) {
    await compare(folder);
    const point = JSON.parse(await read(folder, "public-key.json"));
    assertEquals(publicPoint("AKIDEXAMPLE", SECRET), {
      x: point.X,
      y: point.Y,
    });
  }
});

Deno.test("the published get-vanilla verifies", () => {
  const verdict = new SigV4Verifier(ON_THE_DAY).verify({
    method: "GET",
    target: "/",
    headers: [
      ["Host", "example.amazonaws.com"],
      ["X-Amz-Date", "20150830T123600Z"],
      [
        "Authorization",
        "AWS4-HMAC-SHA256 " +
        "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
        "SignedHeaders=host;x-amz-date, " +
        "Signature=" +
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
      ],
    ],
    body: new Uint8Array(),
  });
  assertEquals(verdict, {
    ok: true,
    principal: "AKIDEXAMPLE",
    signedHeaders: ["host", "x-amz-date"],
    canonicalRequest:
      "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n" +
      "host;x-amz-date\n" +
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    stringToSign: "AWS4-HMAC-SHA256\n20150830T123600Z\n" +
      "20150830/us-east-1/service/aws4_request\n" +
      "bb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63",
  });
});

Deno.test("the published post-x-www-form-urlencoded verifies with its body", () => {
  const verdict = new SigV4Verifier(ON_THE_DAY).verify({
    method: "POST",
    target: "/",
    headers: [
      ["Content-Type", "application/x-www-form-urlencoded"],
      ["Host", "example.amazonaws.com"],
      ["Content-Length", "13"],
      ["X-Amz-Date", "20150830T123600Z"],
      [
        "x-amz-content-sha256",
        "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
      ],
      [
        "Authorization",
        "AWS4-HMAC-SHA256 " +
        "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
        "SignedHeaders=content-length;content-type;host;" +
        "x-amz-content-sha256;x-amz-date, Signature=" +
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
      ],
    ],
    body: new TextEncoder().encode("Param1=value1"),
  });
  assertEquals(verdict.ok, true);
});

Deno.test("the published v4a get-vanilla verifies under the published key", () => {
  assertEquals(publicPoint("AKIDEXAMPLE", SECRET), {
    x: "b6618f6a65740a99e650b33b6b4b5bd0d43b176d721a3edfea7e7d2d56d936b1",
    y: "865ed22a7eadc9c5cb9d2cbaca1b3699139fedc5043dc6661864218330c8e518",
  });
  const verdict = new SigV4Verifier(ON_THE_DAY).verify({
    method: "GET",
    target: "/",
    headers: [
      ["Host", "example.amazonaws.com"],
      ["X-Amz-Date", "20150830T123600Z"],
      ["X-Amz-Region-Set", "us-east-1"],
      [
        "Authorization",
        "AWS4-ECDSA-P256-SHA256 " +
        "Credential=AKIDEXAMPLE/20150830/service/aws4_request, " +
        "SignedHeaders=host;x-amz-date;x-amz-region-set, Signature=" +
        "3045022018b4e277d0281864beb51d3600e23f88510ea5031d68ddfbb68614b82a5" +
        "eb7d2022100effb9c5f22ed9ef3ae0ab243d21f06bce82365bbb79529a07b6888c3" +
        "43ae5f8c",
      ],
    ],
    body: new Uint8Array(),
  });
  assertEquals(verdict.ok, true);
});
