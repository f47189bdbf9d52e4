/**
 * How AWS's front ends dress a refusal: the same type and message in each
 * service's own form.
 */

/** What is refused and why. */
export interface RefusalText {
  /** AWS's error type. */
  readonly type: string;
  readonly message: string;
}

/** A front end's form. */
export type RefusalDress = "api-gateway" | "json" | "xml" | "lambda-url";

/** An answer as it goes on the wire. */
export interface DressedRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const REQUEST_ID = "00000000-0000-4000-8000-000000000000";

/** Query services such as STS call the same faults by other names. */
const XML_CODES: Readonly<Record<string, string>> = {
  AccessDeniedException: "AccessDenied",
  ExpiredTokenException: "ExpiredToken",
  IncompleteSignatureException: "IncompleteSignature",
  InvalidSignatureException: "SignatureDoesNotMatch",
  MissingAuthenticationTokenException: "MissingAuthenticationToken",
  UnrecognizedClientException: "InvalidClientTokenId",
};

/**
 * Dresses a refusal.
 *
 * @param refusal Type and message.
 * @param dress The front end's form.
 * @param status The HTTP status.
 * @returns Status, headers and body.
 */
export function dressRefusal(
  { type, message }: RefusalText,
  dress: RefusalDress,
  status: number,
): DressedRefusal {
  switch (dress) {
    case "api-gateway":
      return {
        status,
        headers: {
          "content-type": "application/json",
          "x-amzn-requestid": REQUEST_ID,
          "x-amzn-ErrorType": type,
        },
        body: JSON.stringify({ message }),
      };
    case "json":
      return {
        status,
        headers: {
          "content-type": "application/x-amz-json-1.1",
          "x-amzn-requestid": REQUEST_ID,
        },
        body: JSON.stringify({
          __type: `com.amazon.coral.service#${type}`,
          message,
        }),
      };
    case "xml":
      return {
        status,
        headers: {
          "content-type": "text/xml",
          "x-amzn-requestid": REQUEST_ID,
        },
        body:
          '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n' +
          `  <Error>\n    <Type>Sender</Type>\n    <Code>${
            escapeXml(XML_CODES[type] ?? type)
          }</Code>\n    <Message>${
            escapeXml(message)
          }</Message>\n  </Error>\n` +
          `  <RequestId>${REQUEST_ID}</RequestId>\n</ErrorResponse>\n`,
      };
    case "lambda-url":
      return {
        status,
        headers: {
          "content-type": "application/json",
          "x-amzn-requestid": REQUEST_ID,
          "x-amzn-ErrorType": "AccessDeniedException",
        },
        body: JSON.stringify({ Message: "Forbidden" }),
      };
  }
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;")
    .replaceAll("'", "&apos;");
}
