import { assert, assertEquals } from "@std/assert";
import { createSigner } from "../../../src/aws/signing/signer.ts";
import { SigV4Verifier } from "../../support/sigv4/verifier.ts";
import { sendSigned, SESSION, SIGNER, startGate } from "./signer_world.ts";
import { KEY } from "./sign_world.ts";

Deno.test("a v4a signature verifies in each region of its set, cold and warm", async () => {
  await using gate = await startGate({ principals: { AKIDEXAMPLE: SESSION } });
  for (const region of ["us-east-1,eu-west-1", "*", "eu-*"]) {
    const signer = createSigner({
      ...SIGNER,
      region,
      signatureVersion: "v4a",
      credentials: SESSION,
    });
    const init = { method: "POST", body: "{}" };
    const path = "/a%3Ab//c?b=%2f&a";
    const cold = await sendSigned(gate, signer, path, init);
    assertEquals(cold.header("x-amz-region-set"), region);
    await signer.warmUp();
    await sendSigned(gate, signer, path, init);
  }
});

Deno.test("a v4a signer goes over to other credentials", async () => {
  const other = { accessKeyId: "AKIDOTHER", secretAccessKey: "another-secret" };
  await using gate = await startGate({
    principals: { AKIDEXAMPLE: KEY, AKIDOTHER: other },
  });
  let current = KEY;
  const signer = createSigner({
    ...SIGNER,
    signatureVersion: "v4a",
    credentials: () => Promise.resolve(current),
  });
  for (const step of ["cold", "warm"]) {
    for (const key of [KEY, other, KEY]) {
      current = key;
      const record = await sendSigned(gate, signer);
      assert(record.verdict.ok);
      assertEquals(record.verdict.principal, key.accessKeyId, step);
    }
    await signer.warmUp();
  }
});

Deno.test("a v4a signer goes over to another secret of the same access key", async () => {
  const secrets = ["one-secret", "another-secret", "one-secret"];
  let secretAccessKey = "";
  const signer = createSigner({
    ...SIGNER,
    signatureVersion: "v4a",
    credentials: () => Promise.resolve({ ...KEY, secretAccessKey }),
  });
  for (let round = 0; round < 2; round++) {
    // All three before anything is sent: the curve stays cold in between.
    const signed: Request[] = [];
    for (secretAccessKey of secrets) {
      signed.push(await signer.sign(new Request("http://127.0.0.1/mcp")));
    }
    for (const [i, request] of signed.entries()) {
      const verifier = new SigV4Verifier({
        region: "eu-west-1",
        service: "bedrock-agentcore",
        principals: { AKIDEXAMPLE: { secretAccessKey: secrets[i] ?? "" } },
      });
      const verdict = verifier.verify({
        method: "GET",
        target: "/mcp",
        headers: [["host", "127.0.0.1"], ...request.headers],
        body: new Uint8Array(),
      });
      assert(verdict.ok, verdict.ok ? "" : verdict.message);
    }
    await signer.warmUp();
  }
});
