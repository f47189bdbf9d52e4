/**
 * A port at which nobody listens: below those that a system gives out, so that
 * no other test has it meanwhile.
 */
export const NOBODY = new URL("http://127.0.0.1:9/mcp");
