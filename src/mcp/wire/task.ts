/**
 * Tasks, which outlive the call that began them.
 *
 * @module
 */

import { SMALL_BYTES } from "./large_message.ts";
import { isObject, type ResponseMessage } from "./message.ts";
import { memberAt } from "./splice.ts";

/**
 * The task that a result tells of: in 2025-11-25 an answer to a call has it in
 * `task`; later, and in answers about a task, the result is the task.
 */
export function taskIdIn(result: unknown): string | undefined {
  if (!isObject(result)) return undefined;
  const { taskId } = isObject(result.task) ? result.task : result;
  return typeof taskId === "string" ? taskId : undefined;
}

/** Whether an answer tells of a task; a large one is not parsed to learn it. */
export function tellsOfTask(
  answer: ResponseMessage,
  frame: Uint8Array,
): boolean {
  if (frame.length <= SMALL_BYTES) return taskIdIn(answer.result) !== undefined;
  return [["result", "task", "taskId"], ["result", "taskId"]]
    .some((path) => memberAt(frame, path) !== undefined);
}

/** The task that a request is about, such as `tasks/get`. */
export function taskIdAskedFor(
  method: string,
  params: unknown,
): string | undefined {
  if (!method.startsWith("tasks/") || !isObject(params)) return undefined;
  return typeof params.taskId === "string" ? params.taskId : undefined;
}
