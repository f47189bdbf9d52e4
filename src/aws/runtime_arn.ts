/** The ARN of an AgentCore runtime in a URL's path. */

/** An ARN, and what it tells. */
export interface RuntimeArn {
  /** The whole of it. */
  readonly arn: string;
  readonly account: string;
  readonly id: string;
}

const ARN =
  /^arn:aws[a-z-]*:bedrock-agentcore:[a-z0-9-]+:(\d{12}):runtime\/([\w-]+)$/;

/** Reads an ARN. */
export function readRuntimeArn(text: string): RuntimeArn | undefined {
  const [, account, id] = ARN.exec(text) ?? [];
  if (account === undefined || id === undefined) return undefined;
  return { arn: text, account, id };
}

/**
 * Finds an ARN that lacks the escape of its slash, as whoever copies it from
 * the console has it: its end is then another segment of the path.
 */
export function unescapedRuntimeArn({ pathname }: URL): RuntimeArn | undefined {
  const [, before, id] =
    /^\/runtimes\/(arn(?::|%3a)[^/]+)\/([^/]+)(?:\/|$)/i.exec(pathname) ?? [];
  if (id === undefined) return undefined;
  return readRuntimeArn(`${before.replace(/%3a/gi, ":")}/${id}`);
}
