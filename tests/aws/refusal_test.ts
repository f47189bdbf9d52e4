/** What a refused request is explained as. */

import {
  assert,
  assertEquals,
  assertExists,
  assertMatch,
  assertNotMatch,
  assertStringIncludes,
} from "@std/assert";
import { explainRefusal, safeAwsError } from "../../src/aws/refusal.ts";
import {
  createSignedFetch,
  type SignedFetchOptions,
} from "../../src/aws/signed_fetch.ts";
import type { ProxyError } from "../../src/errors.ts";
import type { Log } from "../../src/log.ts";
import { Redactor } from "../../src/redact.ts";
import { IamGate, type IamGateOptions } from "../support/iam_gate.ts";
import type { VerifierOptions } from "../support/sigv4_verifier.ts";

const KEY = {
  accessKeyId: "ASIAEXAMPLEKEYID0001",
  secretAccessKey: "a-secret-access-key/for+tests",
  sessionToken: "a-session-token/for+tests==",
};
const SCOPE = { service: "execute-api", region: "eu-west-1" };

/** An answer as a service sends it. */
function answer(
  status: number,
  body: string,
  headers: Record<string, string> = {},
): [Response, string] {
  return [new Response(null, { status, headers }), body];
}

function explained(
  status: number,
  body: string,
  headers?: Record<string, string>,
): ProxyError {
  const error = explainRefusal(...answer(status, body, headers));
  assertExists(error);
  return error;
}

Deno.test("each refusal is known by its header, its JSON and its XML", () => {
  for (
    const [type, xmlCode, message, reason, cause] of [
      [
        "InvalidSignatureException",
        "RequestTimeTooSkewed",
        "Signature not yet current: 20260101T120000Z is still later than …",
        "signature",
        "clock-skew",
      ],
      [
        "ExpiredTokenException",
        "ExpiredToken",
        "The security token included in the request is expired",
        "credentials",
        "expired-token",
      ],
      [
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        "credentials",
        "unknown-key",
      ],
      [
        "InvalidSignatureException",
        "AuthorizationHeaderMalformed",
        "Credential should be scoped to a valid region, not 'eu-west-1'. ",
        "signature",
        "wrong-scope",
      ],
      [
        "MissingAuthenticationTokenException",
        "MissingAuthenticationToken",
        "Missing Authentication Token",
        "signature",
        "missing-signature",
      ],
      [
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature " +
        "you provided. Check your key and signing method.",
        "signature",
        "signature-mismatch",
      ],
      [
        "AccessDeniedException",
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/one is not authorized to " +
        "perform: execute-api:Invoke on resource: arn:aws:execute-api:x",
        "signature",
        "not-authorized",
      ],
    ] as const
  ) {
    const errors = [
      explained(403, JSON.stringify({ message }), {
        "x-amzn-errortype": `${type}:http://internal.amazon.com/coral/`,
      }),
      explained(
        400,
        JSON.stringify({
          __type: `com.amazon.coral#${type}`,
          Message: message,
        }),
      ),
      explained(401, JSON.stringify({ code: type, message })),
      explained(
        403,
        `<?xml version="1.0"?><ErrorResponse><Error><Code>${xmlCode}</Code>` +
          `<Message>${message}</Message></Error></ErrorResponse>`,
        { "content-type": "text/xml" },
      ),
      explained(
        403,
        JSON.stringify({ Error: { Code: xmlCode, Message: message } }),
      ),
      // What a proxy leaves when it takes the header away.
      explained(403, JSON.stringify({ message })),
    ];
    for (const error of errors) {
      assertEquals(error.reason, reason, message);
      assertEquals(error.data.cause, cause, message);
    }
    assertEquals(errors[0]?.data.awsError, type);
    assertEquals(errors[0]?.data.status, 403);
    assertEquals(errors[3]?.data.awsError, xmlCode);
  }
});

Deno.test("an expired token says how to sign in again", () => {
  const error = explained(
    403,
    '{"message":"The security token included in the request is expired"}',
  );
  assertMatch(error.message, /expired.*aws sso login/);
});

Deno.test("a wrong scope names what the target wants", () => {
  const service = explained(
    403,
    '{"message":"Credential should be scoped to correct service: \'execute-api\'. "}',
  );
  assertEquals(service.data.wants, { service: "execute-api" });
  assertStringIncludes(service.message, "wants service execute-api");

  for (
    const body of [
      "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The " +
      "authorization header is malformed; the region 'us-east-1' is wrong; " +
      "expecting 'eu-west-1'</Message><Region>eu-west-1</Region></Error>",
      "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region " +
      "'us-east-1' is wrong; expecting 'eu-west-1'</Message></Error>",
    ]
  ) {
    const region = explained(400, body);
    assertEquals(region.data.wants, { region: "eu-west-1" });
    assertStringIncludes(region.message, "wants region eu-west-1");
  }
});

Deno.test("a refused principal is named, with what it may not do", () => {
  const error = explained(
    403,
    JSON.stringify({
      Message: "User: arn:aws:sts::123456789012:assumed-role/dev/me is not " +
        "authorized to perform: bedrock-agentcore:InvokeAgentRuntime on " +
        "resource: arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/a " +
        "because no identity-based policy allows it",
    }),
    { "x-amzn-errortype": "AccessDeniedException" },
  );
  assertEquals(error.reason, "signature");
  assertEquals(
    error.data.principal,
    "arn:aws:sts::123456789012:assumed-role/dev/me",
  );
  assertEquals(error.data.action, "bedrock-agentcore:InvokeAgentRuntime");
  assertStringIncludes(
    error.message,
    "assumed-role/dev/me may not do bedrock-agentcore:InvokeAgentRuntime",
  );
  assertStringIncludes(error.message, "no identity-based policy");
});

Deno.test("a missing token points at the path too", () => {
  const error = explained(403, '{"message":"Missing Authentication Token"}', {
    "x-amzn-errortype": "MissingAuthenticationTokenException",
  });
  assertMatch(error.message, /no such path or method/);
});

Deno.test("a bare Forbidden lists what it can be", () => {
  const api = explained(403, '{"message":"Forbidden"}', {
    "x-amzn-errortype": "ForbiddenException",
  });
  assertEquals(api.data.cause, "forbidden");
  assertMatch(api.message, /resource policy/);

  for (
    const message of [
      "Forbidden",
      "Forbidden. For troubleshooting Function URL authorization issues, " +
      "see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    ]
  ) {
    const lambda = explained(403, JSON.stringify({ Message: message }), {
      "x-amzn-errortype": "AccessDeniedException",
    });
    assertMatch(lambda.message, /lambda:InvokeFunctionUrl/);
  }
});

Deno.test("what is not IAM's is not explained", () => {
  const text = "The security token included in the request is expired";
  for (
    const [status, body, headers] of [
      [403, `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"${text}"}}`],
      [
        403,
        `[{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"${text}"}}]`,
      ],
      [403, `<html><body>${text}</body></html>`, {
        "content-type": "text/html",
      }],
      [403, text, { "content-type": "text/plain" }],
      [403, ""],
      [401, '{"error":"invalid_token"}', { "www-authenticate": "Bearer" }],
      [403, '{"message":"Forbidden resource","statusCode":403}'],
      [403, '{"message":"quota"}', { "x-amzn-errortype": "QuotaException" }],
      [400, '{"message":"bad"}', { "x-amzn-errortype": "ValidationException" }],
      [404, `{"message":"${text}"}`],
      [429, `{"message":"${text}"}`],
      [500, `{"message":"${text}"}`],
      [403, "{"],
      [403, "null"],
      [403, '"Forbidden"'],
    ] as const
  ) {
    assertEquals(
      explainRefusal(...answer(status, body, headers)),
      undefined,
      body,
    );
  }
});

Deno.test("an AWS error that is no refusal can still be shown", () => {
  const [response, body] = answer(
    400,
    '{"__type":"a.b#ValidationException","message":"no\\n\\u0007such tool"}',
  );
  assertEquals(safeAwsError(response, body), {
    type: "ValidationException",
    message: "no such tool",
  });
  assertEquals(safeAwsError(...answer(403, "<html></html>")), undefined);
});

function startGate(
  verifier: Partial<VerifierOptions> = {},
  options: Partial<IamGateOptions> = {},
): Promise<IamGate> {
  return IamGate.start({
    verifier: {
      principals: { [KEY.accessKeyId]: KEY },
      ...SCOPE,
      ...verifier,
    },
    handler: (_request, response) => {
      response.end("ok");
    },
    ...options,
  });
}

/** The error that a refused request becomes, and all that was logged of it. */
async function refusedBy(
  gate: IamGate,
  {
    path = "mcp?api_key=a-query-secret",
    change = (url) => url,
    headers = {},
    ...options
  }: Partial<SignedFetchOptions> & {
    path?: string;
    headers?: Record<string, string>;
    /** What happens to the request's URL on its way. */
    change?: (url: URL) => URL;
  } = {},
): Promise<{ error: ProxyError; shown: string }> {
  const lines: string[] = [];
  const keep = (message: string, fields?: unknown): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep };
  const redactor = new Redactor();
  const signedFetch = createSignedFetch({
    origin: gate.origin,
    credentials: KEY,
    ...SCOPE,
    log,
    redactor,
    fetch: (input, init) => fetch(change(new URL(`${input}`)), init),
    ...options,
  });
  const response = await signedFetch(new URL(path, gate.origin), {
    method: "POST",
    body: "{}",
    headers: { "content-type": "application/json", ...headers },
  });
  const error = explainRefusal(response, await response.text());
  assertExists(error);
  const shown = `${error.message}\n${error.stack}\n${
    JSON.stringify(error.data)
  }\n${lines.join("\n")}`;
  return { error, shown };
}

/** Nothing of what was sent may be in what is shown. */
function assertNoSecrets(shown: string): void {
  assert(!shown.includes(KEY.secretAccessKey));
  assert(!shown.includes(KEY.sessionToken));
  assert(!shown.includes(encodeURIComponent(KEY.sessionToken)));
  assert(!shown.includes(KEY.accessKeyId));
  assertNotMatch(shown, /[0-9a-f]{64}/);
  assertNotMatch(shown, /Canonical String|String-to-Sign|a-query-secret/);
}

for (const dress of ["api-gateway", "json", "xml"] as const) {
  Deno.test(`a signature refused as ${dress} names the first line that differs`, async () => {
    await using gate = await startGate({}, { dress });
    const { error, shown } = await refusedBy(gate, {
      path: "a%20b?api_key=a-query-secret",
      change: (url) => {
        url.pathname = "/c";
        return url;
      },
    });
    assertEquals(error.reason, "signature");
    assertEquals(error.data.cause, "signature-mismatch");
    assertEquals(error.data.firstDifference, {
      part: "path",
      signed: "/a%2520b",
      computed: "/c",
    });
    assertStringIncludes(
      error.message,
      "the path was signed as /a%2520b, the target computed /c",
    );
    assertStringIncludes(shown, '"part\\":\\"path');
    assertNoSecrets(shown);
  });
}

Deno.test("a query that differs is named, not shown", async () => {
  await using gate = await startGate();
  const { error, shown } = await refusedBy(gate, {
    change: (url) => {
      url.search += "&b=2";
      return url;
    },
  });
  assertEquals(error.data.firstDifference, { part: "query" });
  assertNoSecrets(shown);
});

Deno.test("a header that differs is named, its value shown only where it is no secret", async () => {
  await using gate = await startGate();
  const through =
    (name: string, value: string): typeof fetch => (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set(name, value);
      return fetch(input, { ...init, headers });
    };
  const type = await refusedBy(gate, { fetch: through("content-type", "a/b") });
  assertEquals(type.error.data.firstDifference, {
    part: "header content-type",
    signed: "application/json",
    computed: "a/b",
  });
  const session = await refusedBy(gate, {
    headers: { "mcp-session-id": "a-session-id" },
    fetch: through("mcp-session-id", "another-session-id"),
  });
  assertEquals(session.error.data.firstDifference, {
    part: "header mcp-session-id",
  });
  assertNotMatch(session.shown, /a-session-id|another-session-id/);
  assertNoSecrets(session.shown);
});

Deno.test("a body that was changed on the way is told", async () => {
  await using gate = await startGate();
  const { error, shown } = await refusedBy(gate, {
    contentHashHeader: false,
    fetch: (input, init) => fetch(input, { ...init, body: "changed" }),
  });
  assertMatch(error.message, /another body/);
  assertNoSecrets(shown);
});

Deno.test("when the target saw the same request, it is the secret key", async () => {
  await using gate = await startGate({
    principals: {
      [KEY.accessKeyId]: { ...KEY, secretAccessKey: "another-secret" },
    },
  });
  const { error, shown } = await refusedBy(gate);
  assertEquals(error.data.firstDifference, undefined);
  assertMatch(error.message, /secret access key is not the one of.*ASIA…0001/);
  assertNoSecrets(shown);
});

Deno.test("a wrong region tells what was signed for", async () => {
  await using gate = await startGate({ region: "us-east-1" });
  const { error, shown } = await refusedBy(gate);
  assertEquals(error.data.cause, "wrong-scope");
  assertStringIncludes(error.message, "signed for execute-api in eu-west-1");
  assertNoSecrets(shown);
});

Deno.test("a clock that stays off is told with its offset", async () => {
  await using gate = await startGate({}, {
    refuse: () => ({
      type: "InvalidSignatureException",
      message: "Signature expired: 20260101T000000Z is now earlier than …",
    }),
  });
  const { error } = await refusedBy(gate);
  assertEquals(error.data.cause, "clock-skew");
  assertEquals(typeof error.data.clockOffsetMs, "number");
});

Deno.test("an echo in an unexpected form still gives nothing away", async () => {
  const echo = (name: string): string =>
    JSON.stringify({
      message: `User: ${KEY.accessKeyId} with ${KEY.sessionToken} and ` +
        `${KEY.secretAccessKey} is not authorized to perform: ${name} on ` +
        `resource: ${encodeURIComponent(KEY.sessionToken)} X-Amz-Signature=` +
        "0123456789abcdef".repeat(4),
    });
  await using gate = await startGate({}, {
    handler: (_request, response) => {
      response.writeHead(403, { "x-amzn-errortype": "AccessDeniedException" });
      response.end(echo("a:B"));
    },
  });
  const { error, shown } = await refusedBy(gate);
  assertEquals(error.data.cause, "not-authorized");
  assertNoSecrets(shown);
});
