/** What a refused request is explained as. */

import {
  assertEquals,
  assertExists,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  explainRefusal,
  safeAwsError,
} from "../../../src/aws/refusals/refusal.ts";
import type { ProxyError } from "../../../src/errors.ts";

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

/** The error of a 403 whose type stands in AWS's header. */
function declared(type: string, message: string): ProxyError {
  const headers = { "x-amzn-errortype": type };
  return explained(403, JSON.stringify({ message }), headers);
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
      declared(`${type}:http://internal.amazon.com/coral/`, message),
      explained(
        400,
        JSON.stringify({ __type: `a.b#${type}`, Message: message }),
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

Deno.test("nobody is told to let an anonymous principal in", () => {
  const { message } = declared(
    "AccessDeniedException",
    "User: anonymous is not authorized to perform: es:ESHttpPost because no " +
      "resource-based policy allows the es:ESHttpPost action",
  );
  assertStringIncludes(message, "took the request for an unsigned one");
});

Deno.test("a refused principal is named, with what it may not do", () => {
  const principal = "arn:aws:sts::123456789012:assumed-role/dev/me";
  const error = declared(
    "AccessDeniedException",
    `User: ${principal} is not authorized to perform: ` +
      "bedrock-agentcore:InvokeAgentRuntime on resource: " +
      "arn:aws:bedrock-agentcore:eu-west-1:123456789012:runtime/a because no " +
      "identity-based policy allows it",
  );
  assertEquals(error.reason, "signature");
  assertEquals(error.data.principal, principal);
  assertEquals(error.data.action, "bedrock-agentcore:InvokeAgentRuntime");
  assertStringIncludes(
    error.message,
    "assumed-role/dev/me may not do bedrock-agentcore:InvokeAgentRuntime",
  );
  assertStringIncludes(error.message, "no identity-based policy");
});

Deno.test("the policy that lacks the permission is named where AWS names it", () => {
  const user = "arn:aws:iam::123456789012:user/one";
  const refusal = `User: ${user} is not authorized to perform: lambda:Invoke`;
  const rows = [
    ["", "in a policy"],
    [
      " because no session policy allows the lambda:Invoke",
      "in the session policy",
    ],
    [
      " on resource: arn:x because no VPC endpoint policy allows it",
      "in the VPC endpoint policy",
    ],
    [
      " because no permissions boundary allows the lambda:Invoke action",
      "in the permissions boundary",
    ],
  ];
  for (const [rest, where] of rows) {
    const { message } = declared("AccessDeniedException", refusal + rest);
    assertStringIncludes(message, `allow lambda:Invoke to it ${where} (`);
  }
});

Deno.test("a target of another authorization is not said to know the principal", () => {
  const rows = [
    ["UnauthorizedException", "Unauthorized"],
    ["UnauthorizedException", "Valid authorization header not provided."],
    [
      "AccessDeniedException",
      "Authorization method mismatch. The agent is configured for a different authorization method than what was used in your request.",
    ],
  ];
  for (const [type, text] of rows) {
    const { message } = declared(type, text);
    assertStringIncludes(message, "another way than IAM");
  }
  for (const type of ["AccessDeniedException", "UnauthorizedException"]) {
    const { message } = declared(type, "Permission denied");
    assertStringIncludes(message, "knows the principal");
  }
});

Deno.test("a refusal says no more than is known", () => {
  const date = { date: "Thu, 01 Jan 2026 12:00:00 GMT" };
  const echo = "<CanonicalRequest>POST</CanonicalRequest>";
  const deny =
    "User: x is not authorized to perform: a:B with an explicit deny";
  const rows: [body: string, headers: Record<string, string>, said: RegExp][] =
    [
      ["{}", { ...date, "x-amzn-errortype": "RequestExpired" }, /differ: set/],
      ["{}", { "x-amzn-errortype": "RequestExpired" }, /set the clock$/],
      [
        '{"message":"Credential should be scoped"}',
        {},
        /another region or service: set region/,
      ],
      ["{}", { "x-amzn-errortype": "IncompleteSignature" }, /not arrive whole/],
      [
        '{"message":"Forbidden. For troubleshooting Function URL, see …"}',
        {},
        /the function URL refuses/,
      ],
      [JSON.stringify({ message: deny }), {}, /the deny out of its policy/],
      [
        `<Error><Code>SignatureDoesNotMatch</Code>${echo}</Error>`,
        {},
        /and that no proxy on the way changes the request$/,
      ],
    ];
  for (const [body, headers, said] of rows) {
    assertMatch(explained(403, body, headers).message, said);
  }
});

Deno.test("an error is read in each form, cut off or in characters by their numbers", () => {
  const expired = { "x-amzn-errortype": "ExpiredToken" };
  const code = "<Code>ExpiredToken</Code>";
  const rows: [body: string, headers: Record<string, string>, said: string][] =
    [
      ['{"message":"cut', expired, ""],
      ['{"error":{"__type":"ExpiredToken","message":"over"}}', {}, "over"],
      ["<Error><message>over</message></Error>", expired, "over"],
      [`<E>${code}<Message>cut &amp; &lt;of`, {}, "cut & <of"],
      [
        `<E>${code}<Message>&#65;&#x42;&#x110000;&what;</Message></E>`,
        {},
        "AB&#x110000;&what;",
      ],
    ];
  for (const [body, headers, said] of rows) {
    const { data, message } = explained(403, body, headers);
    assertEquals(data.awsError, "ExpiredToken", body);
    const end = said === "" ? "" : ` (the target said: ${said})`;
    const hint = "renew the temporary credentials";
    assertEquals(message.slice(message.indexOf(hint)), hint + end);
  }
});

Deno.test("a type that is none of AWS's is not passed on", () => {
  const message = "The security token included in the request is expired";
  for (const type of ["a secret of mine", "x".repeat(81)]) {
    assertEquals("awsError" in declared(type, message).data, false);
  }
});

Deno.test("a missing token points at the path too", () => {
  const type = "MissingAuthenticationTokenException";
  const error = declared(type, "Missing Authentication Token");
  assertMatch(error.message, /no such path or method/);
});

Deno.test("a bare Forbidden lists what it can be", () => {
  const api = declared("ForbiddenException", "Forbidden");
  assertEquals(api.data.cause, "forbidden");
  assertMatch(api.message, /resource policy/);

  for (
    const message of [
      "Forbidden",
      "Forbidden. For troubleshooting Function URL authorization issues, " +
      "see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    ]
  ) {
    const lambda = declared("AccessDeniedException", message);
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
      [403, '[{"jsonrpc":"2.0","id":1}]', {
        "x-amzn-errortype": "ExpiredToken",
      }],
      [403, '{"jsonrpc":"2.0","id":1,"result":"cut', {
        "x-amzn-errortype": "ExpiredToken",
      }],
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

Deno.test("a body whose hash is not the declared one is told", () => {
  const error = explained(
    400,
    "<Error><Code>XAmzContentSHA256Mismatch</Code><Message>The provided " +
      "'x-amz-content-sha256' header does not match</Message></Error>",
  );
  assertMatch(error.message, /another body/);
});

Deno.test("an explicit deny is not cured by another policy that allows", () => {
  const error = declared(
    "AccessDeniedException",
    "User: arn:aws:iam::123456789012:user/one is not authorized to perform: " +
      "execute-api:Invoke on resource: arn:x with an explicit deny in a " +
      "service control policy",
  );
  const hint = "take the deny out of the service control policy";
  assertStringIncludes(error.message, hint);
  assertEquals(error.data.explicitDeny, true);
});
