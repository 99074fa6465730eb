/** Colours of a canvas, which knows no CSS variables. */
export interface Colours {
  text: string
  quiet: string
  rule: string
  ground: string
  raised: string
  updated: string
  failed: string
  edit: string
  branches: readonly string[]
}

const NAMES = {
  ...{ text: '--jp-ui-font-color1', quiet: '--lh-quiet', rule: '--jp-border-color2', ground: '--jp-layout-color1' },
  raised: '--jp-layout-color2',
  ...{ updated: '--lh-updated', failed: '--lh-failed', edit: '--lh-branch-3' },
}

/** Colours as they are where the element is. */
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element)
  const of = (name: string) => style.getPropertyValue(name).trim()
  const named = Object.fromEntries(Object.entries(NAMES).map(([key, name]) => [key, of(name)]))
  const branches = [1, 2, 3].map(n => of(`--lh-branch-${n}`))
  return { ...(named as Record<keyof typeof NAMES, string>), branches }
}

/** Calls when the theme is another. @returns what ends it */
export function onTheme(change: () => void): () => void {
  const observer = new MutationObserver(change)
  observer.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-light', 'data-jp-theme-name'] })
  return () => observer.disconnect()
}

/** Dashes of the branches beside the one looked at. */
export const DASHES: readonly (readonly number[])[] = [
  [7, 5],
  [2, 4],
  [7, 4, 1, 4],
  [3, 3],
  [9, 3],
]

export const branchColour = ({ branches }: Colours, i: number): string => branches[i % branches.length]!
