/** The one second try of a refused request, and when there is none. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import type {
  Credentials,
  CredentialSource,
} from "../../../../src/aws/credentials/types.ts";
import { CredentialsError } from "../../../../src/errors.ts";
import { Clock } from "../../../support/time/clock.ts";
import { within } from "../../../support/time/deadline.ts";
import { OLD, POST, signedFetchTo, startGate } from "./session_world.ts";
import { keptLog } from "../../../support/kept_log.ts";

const NEW: Credentials = {
  accessKeyId: "ASIAEXAMPLENEW",
  secretAccessKey: "a-new-secret-access-key",
  sessionToken: "a-new-session-token",
};

/** A gate that no longer takes the old ones. */
const TAKES_NEW = { principals: { [NEW.accessKeyId]: NEW } };

const HOUR_MS = 3_600_000;

/** A source that has newer credentials when the old ones are refused. */
class RenewingSource implements CredentialSource {
  current = OLD;
  refreshes = 0;

  get(options?: { refresh?: Credentials }): Promise<Credentials> {
    if (options?.refresh !== undefined) {
      this.refreshes++;
      if (options.refresh === this.current) this.current = NEW;
    }
    return Promise.resolve(this.current);
  }
}

Deno.test("a refusal that another signature follows is let go of, however much of it is still to come", async () => {
  await using gate = await startGate({
    principals: { [OLD.accessKeyId]: OLD, [NEW.accessKeyId]: NEW },
  }, {
    handler: (_request, response) => {
      if (gate.records.length > 1) return void response.end("ran");
      response.writeHead(403, {
        "content-type": "application/json",
        "x-amzn-errortype": "ExpiredTokenException",
      });
      response.write(`{"message":"expired","filler":"${"x".repeat(200_000)}`);
    },
  });
  const credentials = new RenewingSource();
  const signedFetch = signedFetchTo(gate, { credentials });
  const response = await signedFetch(gate.origin, POST);
  assertEquals(response.status, 200);
  assertEquals(await response.text(), "ran");
  const ended = gate.records.all[0]?.ended ?? Promise.resolve();
  // Some 30 s later the server gives up on it by itself.
  assertEquals(await within(ended, "the end of the refusal", 15_000), "cut");
});

for (const dress of ["api-gateway", "json", "xml"] as const) {
  for (
    const [which, offsetMs] of [["slow", HOUR_MS], ["fast", -HOUR_MS]] as const
  ) {
    Deno.test(`a clock that is ${which} is corrected by a refusal as ${dress}, for this and later requests`, async () => {
      await using gate = await startGate({}, { dress });
      const signedFetch = signedFetchTo(gate, {
        now: () => Date.now() - offsetMs,
      });
      for (let i = 0; i < 3; i++) {
        const response = await signedFetch(gate.origin, POST);
        assertEquals(await response.text(), "ran a call");
      }
      assertEquals(
        gate.records.all.map(({ verdict }) => verdict.ok),
        [false, true, true, true],
      );
    });
  }

  Deno.test(`refused credentials are replaced by fresh ones after a refusal as ${dress}`, async () => {
    await using gate = await startGate(TAKES_NEW, { dress });
    const credentials = new RenewingSource();
    const signedFetch = signedFetchTo(gate, { credentials });
    for (let i = 0; i < 2; i++) {
      const response = await signedFetch(gate.origin, POST);
      assertEquals(await response.text(), "ran a call");
    }
    assertEquals(
      gate.records.all.map(({ verdict }) => verdict.ok),
      [false, true, true],
    );
    assertEquals(credentials.refreshes, 1);
  });

  Deno.test(`an expired token is replaced by a fresh one after a refusal as ${dress}`, async () => {
    const expires = new Date(0);
    await using gate = await startGate({
      principals: {
        [OLD.accessKeyId]: { ...OLD, expires },
        [NEW.accessKeyId]: NEW,
      },
    }, { dress });
    const signedFetch = signedFetchTo(gate, {
      credentials: new RenewingSource(),
    });
    const response = await signedFetch(gate.origin, POST);
    assertEquals(await response.text(), "ran a call");
    assertEquals(gate.records.length, 2);
  });
}

Deno.test("a refusal as a stream of events that goes on is not waited for", async () => {
  await using gate = await startGate({}, {
    handler: (_request, response) => {
      response.writeHead(403, { "content-type": "text/event-stream" });
      response.write(": open\n\n");
    },
  });
  // No time passes.
  using _clock = new Clock();
  const response = await within(
    signedFetchTo(gate, { credentials: new RenewingSource() })(
      gate.origin,
      POST,
    ),
    "the refusal",
  );
  assertEquals(response.status, 403);
  await response.body?.cancel();
});

Deno.test("there is no third try", async () => {
  await using gate = await startGate({ principals: {} });
  const credentials = new RenewingSource();
  const signedFetch = signedFetchTo(gate, { credentials });
  const response = await signedFetch(gate.origin, POST);
  assertEquals(response.status, 403);
  assertStringIncludes(await response.text(), "security token included");
  assertEquals(gate.records.length, 2);
});

Deno.test("credentials that come back the same are not tried again", async () => {
  await using gate = await startGate({ principals: {} });
  const response = await signedFetchTo(gate)(gate.origin, POST);
  assertEquals(response.status, 403);
  assertStringIncludes(await response.text(), "security token included");
  assertEquals(gate.records.length, 1);
});

Deno.test("when fresh credentials cannot be had, that is the error", async () => {
  await using gate = await startGate({ principals: {} });
  const error = new CredentialsError("run `aws sso login`");
  const credentials: CredentialSource = {
    get: async (options) => {
      if (options?.refresh === undefined) return await Promise.resolve(OLD);
      throw error;
    },
  };
  const signedFetch = signedFetchTo(gate, { credentials });
  const thrown = await assertRejects(() => signedFetch(gate.origin, POST));
  assertStrictEquals(thrown, error);
});

Deno.test("requests that are refused together load fresh credentials for the set that was refused", async () => {
  await using gate = await startGate(TAKES_NEW);
  const refused: (Credentials | undefined)[] = [];
  const source = new RenewingSource();
  const signedFetch = signedFetchTo(gate, {
    credentials: {
      get: (options) => {
        if (options?.refresh) refused.push(options.refresh);
        return source.get(options);
      },
    },
  });
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => signedFetch(gate.origin, POST)),
  );
  for (const answer of answers) assertEquals(await answer.text(), "ran a call");
  assertEquals(new Set(refused), new Set([OLD]));
});

Deno.test("a stream that was not read for the signature is not sent again", async () => {
  await using gate = await startGate({ principals: {} });
  const credentials = new RenewingSource();
  const signedFetch = signedFetchTo(gate, {
    credentials,
    unsignedPayload: true,
  });
  const response = await signedFetch(gate.origin, {
    method: "POST",
    body: new Blob(["stream"]).stream(),
  });
  assertEquals(response.status, 403);
  await response.body?.cancel();
  assertEquals(credentials.refreshes, 0);
  assertEquals(gate.records.length, 1);
});

Deno.test("a stream that was read for the signature is sent again", async () => {
  await using gate = await startGate(TAKES_NEW);
  const response = await signedFetchTo(gate, {
    credentials: new RenewingSource(),
  })(gate.origin, { method: "POST", body: new Blob(["stream"]).stream() });
  assertEquals(await response.text(), "ran stream");
});

Deno.test("what a target that ran the request says is no reason for a second try", async (t) => {
  const expired = "The security token included in the request is expired";
  for (
    const [name, status, headers, body] of [
      [
        "a JSON-RPC error",
        403,
        { "content-type": "application/json" },
        `{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"${expired}"}}`,
      ],
      [
        "a JSON-RPC error beside an AWS header",
        403,
        { "x-amzn-errortype": "ExpiredTokenException" },
        `{"error":{"code":1,"message":"x"},"id":1,"jsonrpc":"2.0"}`,
      ],
      [
        "a server error",
        500,
        { "x-amzn-errortype": "ExpiredTokenException" },
        `{"message":"${expired}"}`,
      ],
      [
        "a success",
        200,
        { "x-amzn-errortype": "ExpiredTokenException" },
        `{"message":"${expired}"}`,
      ],
      ["a page", 403, { "content-type": "text/html" }, `<h1>${expired}</h1>`],
      ["a text", 403, { "content-type": "text/plain" }, expired],
      [
        "a text in JSON",
        403,
        { "content-type": "application/json" },
        '{"message":"The provided token has expired."}',
      ],
      [
        "a code in JSON",
        401,
        { "content-type": "application/json" },
        '{"code":"InvalidToken","message":"your login is invalid"}',
      ],
      [
        "a type in an error in JSON",
        400,
        { "content-type": "application/json" },
        '{"error":{"type":"ExpiredToken","message":"csrf"}}',
      ],
      [
        "a text in an error in JSON",
        403,
        { "content-type": "application/json" },
        '{"error":{"message":"your security token for the bank has expired"}}',
      ],
      [
        "a declared type of its own with such a text",
        403,
        { "x-amzn-errortype": "BankException" },
        '{"message":"your security token for the bank has expired"}',
      ],
      [
        "a mismatch",
        403,
        { "x-amzn-errortype": "InvalidSignatureException" },
        '{"message":"The request signature we calculated does not match"}',
      ],
      [
        "no authorisation",
        403,
        { "x-amzn-errortype": "AccessDeniedException" },
        '{"Message":"User: x is not authorized to perform: a:B"}',
      ],
    ] as const
  ) {
    await t.step(name, async () => {
      await using gate = await startGate({}, {
        handler: (_request, response) => {
          response.writeHead(status, headers).end(body);
        },
      });
      const credentials = new RenewingSource();
      const signedFetch = signedFetchTo(gate, { credentials });
      const response = await signedFetch(gate.origin, POST);
      assertEquals(response.status, status);
      assertEquals(await response.text(), body);
      assertEquals(credentials.refreshes, 0);
      assertEquals(gate.records.length, 1);
    });
  }
});

Deno.test("a refusal for the date by a target whose clock agrees is not tried again", async () => {
  await using gate = await startGate({}, {
    refuse: () => ({
      type: "InvalidSignatureException",
      message: "Signature expired: 20260101T000000Z is now earlier than …",
    }),
  });
  const response = await signedFetchTo(gate)(gate.origin, POST);
  assertEquals(response.status, 403);
  await response.body?.cancel();
  assertEquals(gate.records.length, 1);
});

for (
  const [what, date] of [
    ["without a Date header", []],
    ["with a date that cannot be signed", ["Sat, 13 Sep 275760 00:00:00 GMT"]],
    ["with one before all clocks", ["-271821-04-20T00:00:00Z"]],
  ] as const
) {
  Deno.test(`a refusal for the date ${what} is not tried again, and changes no clock`, async () => {
    await using gate = await startGate({}, {
      handler: (_request, response) => {
        response.removeHeader("date");
        response.sendDate = false;
        for (const value of date) response.setHeader("date", value);
        response.writeHead(403, { "x-amzn-errortype": "RequestTimeTooSkewed" });
        response.end('{"message":"too skewed"}');
      },
    });
    const signedFetch = signedFetchTo(gate);
    for (const count of [1, 2]) {
      const response = await signedFetch(gate.origin, POST);
      assertEquals(response.headers.has("date"), date.length > 0);
      await response.body?.cancel();
      assertEquals(gate.records.length, count);
    }
  });
}

Deno.test("second tries are told without secrets", async () => {
  const { log, lines } = keptLog();
  await using gate = await startGate(TAKES_NEW);
  await (await signedFetchTo(gate, {
    credentials: new RenewingSource(),
    log,
  })(gate.origin, POST)).text();
  await using late = await startGate({ clock: () => Date.now() + HOUR_MS });
  await (await signedFetchTo(late, { log })(late.origin, POST)).text();

  assertEquals(lines.length, 2);
  assertStringIncludes(lines.join(), "ASIA…ENEW");
  assertMatch(lines.join(), /"clockOffsetMs":3[56]\d{5}\b/);
  for (const { secretAccessKey, sessionToken = "" } of [OLD, NEW]) {
    assert(!lines.join().includes(secretAccessKey));
    assert(!lines.join().includes(sessionToken));
  }
});
