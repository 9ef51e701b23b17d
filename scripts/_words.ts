/** Finds words in the library's comments that CONTRIBUTING.md has others for. */
import { inRoot } from "./_shell.ts";

/** What stands in the way of a plain sentence, and what to write. */
const banned: readonly (readonly [word: RegExp, instead: string])[] = [
  [/\b(some|no|any|every)(body|one)\b/i, "name it: the caller, a task, no waiter"],
  [/\bwho(ever|m)?\b/i, "name it: the caller, the task that waits"],
  [/\bgone\b/i, "closed, ended, cancelled"],
  [/\bleft behind\b/i, "abandoned"],
  [/\b(is|are|was|were|be) told( of)?\b/i, "notified, reported"],
  [/\b(lender|heir|shelf|bell)\b/i, "the thing itself, not a picture of it"],
  [/\bthings\b/i, "name them"],
  [/(?<!\b[Tt]here )\bis no (?!(longer|more|other|such)\b)/, "is not a"],
];

/** One line for each banned word. */
export async function bannedWords(sources: readonly string[]): Promise<string[]> {
  const problems: string[] = [];
  for (const path of sources) {
    const text = await Deno.readTextFile(inRoot(path));
    for (const { line, comment } of commentsOf(text)) {
      for (const [word, instead] of banned) {
        const found = word.exec(comment)?.[0];
        if (found === undefined) continue;
        problems.push(`${path}:${line} says "${found}" in a comment; write: ${instead}`);
      }
    }
  }
  return problems;
}

/** The lines of comments, without the examples in them. */
function commentsOf(text: string): { line: number; comment: string }[] {
  const comments: { line: number; comment: string }[] = [];
  let inExample = false;
  for (const [index, source] of text.split("\n").entries()) {
    const comment = /^\s*(?:\/\*\*?|\*|\/\/)(.*)$/.exec(source)?.[1];
    if (comment === undefined) {
      inExample = false;
      continue;
    }
    if (comment.includes("```")) inExample = !inExample;
    else if (!inExample) comments.push({ line: index + 1, comment });
  }
  return comments;
}
