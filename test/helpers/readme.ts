/** Code blocks of a Markdown text that stand under `<!-- test: kind -->`. */
export const blocks = (markdown: string, kind: 'run' | 'types' | 'tree'): string[] =>
  [...markdown.matchAll(/<!-- test: (\w+) -->\n```\w*\n([\s\S]*?)\n```/g)]
    .filter(found => found[1] === kind)
    .map(found => found[2]!)
