/** Reads AWS errors in the forms that they come in: a header, JSON, XML. */

import { isObject, parseRecord, textIn } from "../../json.ts";
import { ENTITIES } from "../../redact/decoded_text.ts";

/** An error as a service sends it. */
export interface AwsError {
  /** `ExpiredTokenException`: without namespace and address. */
  readonly type?: string;
  /**
   * Whether the type stands where only AWS's own errors have one: in the
   * header, in `__type`, in an XML `Code`. Elsewhere any program may have put
   * it.
   */
  readonly isDeclared?: boolean;
  /** The text, whole: it may echo the request with its secrets. */
  readonly message: string;
  /** The canonical request that the target computed, when it tells. */
  readonly canonicalRequest?: string;
  /** The region that the target wants, when it tells (S3). */
  readonly region?: string;
}

export const MAX_ERROR_BYTES = 64 * 1024;

/** The AWS error in an answer, unless it is a JSON-RPC message, HTML or such. */
export function parseAwsError(
  headers: Headers,
  body: string,
): AwsError | undefined {
  // ExpiredTokenException:http://internal.amazon.com/coral/com.amazon.coral…
  const type = plainType(
    headers.get("x-amzn-errortype") ?? headers.get("lambda-web-error-type"),
  );
  const text = body.slice(0, MAX_ERROR_BYTES).trim();
  if (text.startsWith("{")) return fromJson(text, type);
  if (text.startsWith("<")) return fromXml(text, type);
  if (type === undefined || text.startsWith("[")) return undefined;
  return withEcho({ type, isDeclared: true, message: text });
}

function fromJson(text: string, headerType?: string): AwsError | undefined {
  const record = parseRecord(text);
  // Cut off: the header alone tells. Without one nothing is certain.
  if (record === undefined) {
    return headerType === undefined || /"jsonrpc"\s*:/.test(text)
      ? undefined
      : { type: headerType, isDeclared: true, message: "" };
  }
  if ("jsonrpc" in record) return undefined;
  const fields = [record.Error, record.error].find(isObject) ?? record;
  const declared = headerType ??
    plainType(textIn(record, "__type") ?? textIn(fields, "__type"));
  const type = declared ??
    plainType(textIn(fields, "code", "Code", "type", "Type"));
  const message = textIn(fields, "message", "Message", "errorMessage") ?? "";
  const isDeclared = declared !== undefined;
  return withEcho({ type, isDeclared, message });
}

function fromXml(text: string, headerType?: string): AwsError | undefined {
  const code = plainType(element(text, "Code"));
  if (code === undefined && headerType === undefined) return undefined;
  const message = element(text, "Message") ?? element(text, "message") ?? "";
  const type = code ?? headerType;
  const error = withEcho({ type, isDeclared: true, message });
  return {
    ...error,
    canonicalRequest: element(text, "CanonicalRequest") ??
      error.canonicalRequest,
    region: element(text, "Region"),
  };
}

/** What API Gateway and others append to the text of a refused signature. */
function withEcho(error: AwsError): AwsError {
  const [first] = error.message
    .split(/The String-to-Sign should have been/);
  const [, canonicalRequest] = first
    .split(/The Canonical String for this request should have been/);
  return {
    ...error,
    canonicalRequest: unquoted(canonicalRequest),
  };
}

function unquoted(text: string | undefined): string | undefined {
  return /^'(.*)'$/s.exec(text?.trim() ?? "")?.[1];
}

function element(xml: string, name: string): string | undefined {
  return xml.split(`<${name}>`, 2).at(1)?.split("<", 1)[0].replace(
    /&(?:#x([0-9a-f]+)|#([0-9]+)|(\w+));/gi,
    (entity, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return ENTITIES.get(name) ?? entity;
      const code = hex === undefined ? Number(decimal) : parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : entity;
    },
  );
}

/** Without its namespace (`com.amazon.coral#`) and its address (`:http://…`). */
function plainType(type: string | null | undefined): string | undefined {
  const plain = type?.split("#").at(-1)?.split(":")[0].trim();
  return plain !== undefined && /^[\w.]{1,80}$/.test(plain) ? plain : undefined;
}
