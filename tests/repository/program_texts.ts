/**
 * What the program can say: the texts in its source, found by Deno's own parser.
 */

/** A text of the program. */
export interface ProgramText {
  readonly file: string;
  /** Its fixed words, cut where a value stands between them. */
  readonly parts: readonly string[];
}

/** The node of a syntax tree, as far as it is looked at here. */
interface Node {
  readonly type: string;
  readonly parent?: Node | null;
  readonly [name: string]: unknown;
}

/** What stands for a value in a text. */
const HOLE = "\0";

/** Words in a row from which on a literal is taken for a text. */
const MIN_WORDS = 3;

/** Properties that say something in `--help`, in a list or to a machine. */
const TOLD_ELSEWHERE: ReadonlySet<string> = new Set([
  "description",
  "help",
  "name",
  "placeholder",
  "reload",
  "title",
  "usage",
]);

/** Calls whose texts say how things are, and not that something is wrong. */
const PLAIN_NEWS = /(?:^|\.)(?:debug|info)$/;

/** What makes a row of the options: a text by itself is for `--help`. */
const ROWS = /^(?:option|toggle|defaultOn|file)$/;

/** Calls whose texts complete "no permission to …". */
const PURPOSES = /^(?:envNeeds|net|netNeed|SdkHttp)$/;

/**
 * The texts of a module that a person may be shown when something is wrong.
 * Rather one too many than one too few: a literal counts unless the place where
 * it stands says that it is something else.
 *
 * @param file The module's name.
 * @param source The module.
 * @returns Its texts.
 */
export function textsOf(file: string, source: string): ProgramText[] {
  const texts: ProgramText[] = [];
  const take = (node: Node) => {
    if (isPartOfLonger(node) || isElsewhere(node, source)) return;
    const text = textOf(node);
    if (text === undefined || !isProse(text)) return;
    const parts = text.split(/[\0…]/)
      .map((part) => part.replace(/\s+/g, " ").trim())
      .filter((part) => /[A-Za-z]/.test(part));
    texts.push({ file, parts });
  };
  const visit = (node: unknown) => {
    if (isNode(node)) take(node);
  };
  Deno.lint.runPlugin(
    {
      name: "texts",
      rules: {
        texts: {
          create: () => ({
            Literal: visit,
            TemplateLiteral: visit,
            BinaryExpression: visit,
          }),
        },
      },
    },
    file,
    source,
  );
  return texts;
}

/** The text of an expression, or `undefined` when it has none of its own. */
function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Literal") {
    return typeof node.value === "string" ? node.value : undefined;
  }
  if (node.type === "TemplateLiteral" && Array.isArray(node.quasis)) {
    return node.quasis.map(({ cooked }) => String(cooked)).join(HOLE);
  }
  if (node.type !== "BinaryExpression" || node.operator !== "+") {
    return undefined;
  }
  const left = textOf(node.left);
  const right = textOf(node.right);
  if (left === undefined && right === undefined) return undefined;
  return (left ?? HOLE) + (right ?? HOLE);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

/** The sum that a literal belongs to is the text, not the literal. */
function isPartOfLonger({ parent }: Node): boolean {
  return parent?.type === "BinaryExpression" && parent.operator === "+";
}

/** A value counts as a word; a flag of Deno's and headers are no prose. */
function isProse(text: string): boolean {
  if (/^--allow-|\r\n|^\W*Credential=/.test(text)) return false;
  const words = text.match(/[A-Za-z]{2,}|[\0…]/g) ?? [];
  return words.length >= MIN_WORDS &&
    /[A-Za-z]{2,} [A-Za-z\0…"(]|[\0…] [A-Za-z]{2,}/.test(text);
}

/** Whether the place of a text says that it is none of an error's. */
function isElsewhere(node: Node, source: string): boolean {
  for (let at = node; at.parent; at = at.parent) {
    const { parent } = at;
    if (parent.type === "TSLiteralType") return true;
    if (parent.type === "Property" && parent.value === at) {
      const name = nameOf(parent.key, source);
      if (TOLD_ELSEWHERE.has(name)) return true;
      if (name === "why" && isNeed(parent.parent, source)) return true;
    }
    if (parent.type === "CallExpression" || parent.type === "NewExpression") {
      const callee = nameOf(parent.callee, source);
      return PLAIN_NEWS.test(callee) || PURPOSES.test(callee) ||
        at === node && ROWS.test(callee);
    }
  }
  return false;
}

/** Whether an object is a permission with what it is wanted for. */
function isNeed(node: Node | null | undefined, source: string): boolean {
  if (!Array.isArray(node?.properties)) return false;
  const names = node.properties.map(({ key }) => nameOf(key, source));
  return names.includes("kind") && names.includes("value");
}

function nameOf(node: unknown, source: string): string {
  if (!isNode(node) || !Array.isArray(node.range)) return "";
  return source.slice(node.range[0], node.range[1]);
}
