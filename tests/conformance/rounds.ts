/**
 * Tools and a prompt that take several rounds: each asks for input in its
 * result and is called again with it (2026-07-28, "Multi Round-Trip Requests").
 */

import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  type InputRequests,
  inputRequired,
  type InputRequiredResult,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { z } from "zod";

/** What a call knows of its earlier rounds. */
export interface RoundState {
  readonly round: number;
  readonly nonce: string;
}

/** What mints and checks states. */
export type RequestStates = RequestStateCodec<RoundState>;

/** States with a key of their own. */
export function requestStates(): RequestStates {
  return createRequestStateCodec<RoundState>({
    key: crypto.getRandomValues(new Uint8Array(32)),
  });
}

type Call = ServerContext["mcpReq"];

const NOTHING = z.object({});
const NAME = z.object({ name: z.string() });
const OK = z.object({ ok: z.boolean() });
const COLOR = z.object({ color: z.string() });
const CONTEXT = z.object({ context: z.string() });

const ENVELOPE = z.object({
  [CLIENT_CAPABILITIES_META_KEY]: z.record(z.string(), z.unknown()),
});

const askName = () =>
  inputRequired.elicit({
    message: "What is your name?",
    requestedSchema: NAME,
  });
const askModel = () =>
  inputRequired.createMessage({
    messages: [{ role: "user", content: { type: "text", text: "Say hello" } }],
    maxTokens: 50,
  });

/** Adds all of them to a server. */
export function addRounds(mcp: McpServer, states: RequestStates): void {
  addSingleQuestions(mcp);
  addStatefulQuestions(mcp, states);
  addCarefulQuestions(mcp);
}

/** Tools that ask for one thing, and keep no state. */
function addSingleQuestions(mcp: McpServer): void {
  addTool(mcp, "elicitation", (call) => {
    const answer = acceptedContent(call.inputResponses, "user_name", NAME);
    return answer ? `Hello, ${answer.name}!` : asked({ user_name: askName() });
  });
  addTool(mcp, "sampling", (call) => {
    const answer = call.inputResponses?.model;
    return answer ? JSON.stringify(answer) : asked({ model: askModel() });
  });
  addTool(mcp, "list_roots", (call) => {
    const answer = call.inputResponses?.roots;
    return answer
      ? JSON.stringify(answer)
      : asked({ roots: inputRequired.listRoots() });
  });
  mcp.registerTool(
    "test_missing_capability",
    {
      description: "Needs the client's model.",
      inputSchema: NOTHING,
    },
    (_args, { mcpReq }) =>
      mcpReq.inputResponses?.model
        ? textResult("there is a model")
        : asked({ model: askModel() }),
  );
}

/** Tools that keep a state from round to round. */
function addStatefulQuestions(mcp: McpServer, states: RequestStates): void {
  const state = (round: number) =>
    states.mint({ round, nonce: crypto.randomUUID() });
  const confirm = inputRequired.elicit({
    message: "Are you sure?",
    requestedSchema: OK,
  });
  for (const name of ["request_state", "tampered_state"]) {
    addTool(mcp, name, async (call) => {
      const answer = acceptedContent(call.inputResponses, "confirm", OK);
      return answer && call.requestState<RoundState>()
        ? "state-ok"
        : asked({ confirm }, await state(1));
    });
  }
  addTool(mcp, "multiple_inputs", async (call) => {
    const { inputResponses } = call;
    if (inputResponses?.greeting && inputResponses.roots) return "all is there";
    const requests = {
      user_name: askName(),
      greeting: askModel(),
      roots: inputRequired.listRoots(),
    };
    return asked(requests, await state(1));
  });
  addTool(mcp, "multi_round", async (call) => {
    const { round = 0 } = call.requestState<RoundState>() ?? {};
    if (round === 0) return asked({ step1: askName() }, await state(1));
    const step2 = inputRequired.elicit({
      message: "Which colour do you like?",
      requestedSchema: COLOR,
    });
    return round === 1 ? asked({ step2 }, await state(2)) : "all rounds done";
  });
}

/** What asks only those who can answer, and a prompt that asks. */
function addCarefulQuestions(mcp: McpServer): void {
  addTool(mcp, "capabilities", (call) => {
    if (call.inputResponses !== undefined) return "answered";
    const envelope = ENVELOPE.parse(call.envelope);
    const declared = envelope[CLIENT_CAPABILITIES_META_KEY];
    const requests: InputRequests = {
      ...("elicitation" in declared && { user_name: askName() }),
      ...("sampling" in declared && { model: askModel() }),
      ...("roots" in declared && { roots: inputRequired.listRoots() }),
    };
    return Object.keys(requests).length > 0 ? asked(requests) : "nobody to ask";
  });
  mcp.registerPrompt("test_input_required_result_prompt", {
    description: "Asks for its context.",
    argsSchema: NOTHING,
  }, (_args, { mcpReq }) => {
    const answer = acceptedContent(mcpReq.inputResponses, "context", CONTEXT);
    if (answer) {
      const content = { type: "text" as const, text: answer.context };
      return { messages: [{ role: "user" as const, content }] };
    }
    const context = inputRequired.elicit({
      message: "In which context?",
      requestedSchema: CONTEXT,
    });
    return asked({ context });
  });
}

type Outcome = string | InputRequiredResult;

function addTool(
  mcp: McpServer,
  name: string,
  round: (call: Call) => Outcome | Promise<Outcome>,
): void {
  mcp.registerTool(`test_input_required_result_${name}`, {
    description: "Asks before it answers.",
    inputSchema: NOTHING,
  }, async (_args, { mcpReq }) => {
    const outcome = await round(mcpReq);
    return typeof outcome === "string" ? textResult(outcome) : outcome;
  });
}

function asked(
  inputRequests: InputRequests,
  requestState?: string,
): InputRequiredResult {
  return inputRequired({ inputRequests, ...requestState && { requestState } });
}

function textResult(
  text: string,
): { content: { type: "text"; text: string }[] } {
  return { content: [{ type: "text", text }] };
}
