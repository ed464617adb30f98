/** A regular expression as a literal of CEL. The API server's are of RE2: it has no look-around and no back-references. */
export function celPattern(pattern: string): string {
  if (pattern.includes('"')) throw new Error(`no literal for the pattern ${pattern}: it holds a double quote`);
  return `r"${withoutEscapedSlashes(pattern)}"`;
}

/** JavaScript writes `/` as `\/` inside a regular expression; elsewhere it needs no escape. */
export function withoutEscapedSlashes(pattern: string): string {
  return pattern.replaceAll('\\/', '/');
}

/** `\s` of JavaScript, and what is not: RE2's own knows ASCII only. */
export const blank = String.raw`[\s\v\p{Z}\x{FEFF}]`;
export const ink = String.raw`[^\s\v\p{Z}\x{FEFF}]`;
