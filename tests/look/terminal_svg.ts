/** Draws what a program printed as a still picture. */

const CHARACTER_WIDTH = 8.43;
const LINE_HEIGHT = 20;
const MARGIN = 16;
const COLUMNS = 100;

const COLORS: Readonly<Record<string, string>> = {
  "✓": "#7ee787",
  "✗": "#ff7b72",
  "!": "#e3b341",
  "$": "#79c0ff",
};

/**
 * Draws lines of text in a terminal of 100 columns.
 *
 * @param command What was typed, shown after a `$`.
 * @param output What came of it, without colours.
 * @param title What the picture shows, for those who do not see it.
 * @returns An SVG document. It holds text, no font and no script.
 */
export function drawTerminal(
  command: string,
  output: string,
  title: string,
): string {
  const lines = [`$ ${command}`, ...output.trimEnd().split("\n")]
    .flatMap((line) => wrap(line));
  const width = Math.ceil(COLUMNS * CHARACTER_WIDTH) + 2 * MARGIN;
  const height = lines.length * LINE_HEIGHT + 2 * MARGIN;
  const rows = lines.map((line, index) => {
    const y = MARGIN + index * LINE_HEIGHT + 15;
    return `  <text x="${MARGIN}" y="${y}">${row(line)}</text>`;
  });
  return [
    "<!-- deno-fmt-ignore-file -->",
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `  <title>${escape(title)}</title>`,
    `  <rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    `  <g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3" style="white-space: pre" xml:space="preserve">`,
    ...rows,
    "  </g>",
    "</svg>",
    "",
  ].join("\n");
}

/** The line with the mark at its head coloured. */
function row(line: string): string {
  const [, indent = "", mark = "", rest = ""] =
    /^( *)([✓✗!$])( .*)$/u.exec(line) ?? [];
  if (mark === "") return escape(line);
  return `${indent}<tspan fill="${COLORS[mark]}">${mark}</tspan>${
    escape(rest)
  }`;
}

/** Breaks a line between words, and what follows stands under its text. */
function wrap(line: string): string[] {
  const lines: string[] = [];
  const indent = " ".repeat(line.search(/[^ ✓✗!$-]|$/u));
  let left = line;
  while (left.length > COLUMNS) {
    const space = left.lastIndexOf(" ", COLUMNS);
    const end = space > indent.length ? space : COLUMNS;
    lines.push(left.slice(0, end));
    left = indent + left.slice(end).trimStart();
  }
  return [...lines, left];
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
