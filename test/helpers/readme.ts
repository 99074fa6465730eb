/** Code blocks of a Markdown text that stand under `<!-- test: kind -->`. */
export const blocks = (markdown: string, kind: 'run' | 'types' | 'tree' | 'output'): string[] =>
  [...markdown.matchAll(/<!-- test: (\w+) -->\n```\w*\n([\s\S]*?)\n```/g)]
    .filter(found => found[1] === kind)
    .map(found => found[2]!)

/** Code blocks that stand under `<!-- test: file NAME -->`, by name. */
export const filesIn = (markdown: string): [name: string, text: string][] =>
  [...markdown.matchAll(/<!-- test: file ([\w.-]+) -->\n```\w*\n([\s\S]*?)\n```/g)].map(found => [found[1]!, found[2]!])
