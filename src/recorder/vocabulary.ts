/** Whose words may be seen in a recording: HTTP's, MCP's, JSON Schema's. */

/** Headers whose values say how HTTP or MCP is spoken, and nothing else. */
export const PLAIN_HEADERS =
  /^(?:accept|accept-encoding|cache-control|connection|content-(?:encoding|length|type)|date|mcp-(?:method|protocol-version)|retry-after|server|transfer-encoding|vary|via|www-authenticate|x-amz-date|x-amzn-errortype|x-amzn-requestid)$/;

/** What stands for the values of other headers begins so. */
export const HEADER_KINDS: ReadonlyMap<string, string> = new Map([
  ["cookie", "cookie"],
  ["set-cookie", "cookie"],
  ["last-event-id", "event"],
  ["mcp-session-id", "session"],
  ["x-amz-security-token", "token"],
]);

/** Those of them that give access. */
export const SECRET_KINDS = /^(?:cookie|event|identity|session|token)$/;

/** The same of members whose values say what belongs together. */
export const MEMBER_KINDS: ReadonlyMap<string, string> = new Map([
  ["cursor", "cursor"],
  ["nextCursor", "cursor"],
  ["requestState", "state"],
  ["resourceUri", "uri"],
  ["taskId", "task"],
  ["uri", "uri"],
]);

/**
 * Members, and which words of MCP's they may have; and what tells requests and
 * versions apart, where it does.
 */
const MEMBER_WORD = new RegExp(
  [
    /^\S* (?:io\.modelcontextprotocol\/logL|l)evel (?:alert|critical|debug|emergency|error|info|notice|warning)$/,
    /^\S* method (?:elicitation\/create|roots\/list|sampling\/createMessage)$/,
    /^\S* mimeType (?:application|audio|font|image|message|model|text|video)\/[\w.+-]{1,64}$/,
    /^\S* resultType (?:complete|input_required)$/,
    /^\S* role (?:assistant|user)$/,
    /^\S* status (?:cancelled|completed|failed|input_required|working)$/,
    /^\S* supportedVersions \d{4}-\d\d-\d\d$/,
    /^\S* type (?:array|audio|boolean|image|integer|null|number|object|ref\/prompt|ref\/resource|resource|resource_link|string|text|tool_result|tool_use)$/,
    /^\S* x-mcp-header [\w-]{1,64}$/,
    /^(?:_meta|params|result) (?:io\.modelcontextprotocol\/(?:protocolVersion|subscriptionId)|progressToken|protocolVersion|requestId) [\w.+/-]{1,64}$/,
  ].map(({ source }) => source).join("|"),
);

/** Whether what a member says in its parent is no datum. */
export function isPlainWord(
  name: string,
  word: string,
  parent: string,
): boolean {
  return word.length <= 80 && MEMBER_WORD.test(`${parent} ${name} ${word}`);
}

/** Of what a name is plain: of tools and programs, not of files. */
export const NAMED =
  /^(?:clientInfo|io\.modelcontextprotocol\/(?:client|server)Info|params|prompts|serverInfo|tools)$/;

/** What is the client's and the target's own, down to the last word. */
export const DATA = /^(?:arguments|contents|data|messages|structuredContent)$/;

/** What a tool's author calls members is said here. */
export const SCHEMAS = /^(?:inputSchema|outputSchema|requestedSchema)$/;

/** Members of an object that is no message, which say what is wrong. */
export const FAULT_MEMBERS =
  /^(?:__type|action|awsError|cause|code|detail|error_?(?:code|description|details?|message|s|type|uri)?|message|limitBytes|limitMs|outcome|reason|sources?|status|title|type)$/i;

/** The names that MCP gives to members, and AWS in an error. */
const NAMES: ReadonlySet<string> = new Set(
  "_meta|account|arn|profile|region|aws_account|aws_profile|aws_role|sigv4-proxy/identity|action|call|cancel|create|createMessage|list|theme|annotations|argument|arguments|audience|audio|awsError|blob|byteLength|cacheScope|capabilities|clientInfo|clockOffsetMs|completion|completions|configured|content|contentType|contents|context|costPriority|createdAt|cursor|data|default|description|destructiveHint|elicitation|elicitationId|elicitations|enum|error|execution|experimental|explicitDeny|extensions|form|hasMore|hints|icons|id|idempotentHint|includeContext|input|inputRequests|inputResponses|inputSchema|instructions|intelligencePriority|isError|jsonrpc|lastModified|lastUpdatedAt|level|limitBytes|limitMs|listChanged|location|logger|logging|login|maxTokens|mayHaveRun|message|messages|metadata|method|mimeType|mode|model|modelPreferences|name|nextCursor|notifications|openWorldHint|outcome|outputSchema|params|pollInterval|principal|priority|profiles|progress|progressToken|prompt|prompts|promptsListChanged|protocolVersion|readOnlyHint|reason|ref|requestId|requestState|requested|requestedSchema|requests|requiresLogin|resource|resourceSubscriptions|resourceTemplates|resourceUri|resources|resourcesListChanged|result|resultType|retryAfterMs|role|roots|sampling|serverInfo|size|sizes|sources|speedPriority|src|status|statusMessage|stopReason|stopSequences|structuredContent|subscribe|subscriptions|supported|supportedVersions|systemPrompt|task|taskId|taskSupport|tasks|temperature|text|title|tool|toolChoice|toolResult|toolUse|toolUseId|tools|toolsListChanged|total|ttl|ttlMs|type|unsigned|uri|uriTemplate|url|value|values|version|wants|websiteUrl"
    .split("|"),
);

/** Whether a name of a member is nobody's datum. */
export function isKnownName(name: string): boolean {
  return NAMES.has(name) || FAULT_MEMBERS.test(name) ||
    /^io\.modelcontextprotocol\/[\w-]{1,40}$/.test(name) ||
    /^(?:input|key)-\d{1,6}$/.test(name);
}
