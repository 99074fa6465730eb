import type { Branch, RunEvent, TimelinePoint } from 'lora-harness/protocol'
import type { Page } from 'playwright-core'
import type { RunStore } from '../../src/model/store.js'
import type { View, ViewState } from '../../src/model/view.js'

/** What the page has for a test. */
export type PanelOnPage = { panel: { source: { store: RunStore }; view: View } }

/** An example of a timeline. */
export const pointOf = (index: number, about: Partial<TimelinePoint> = {}): TimelinePoint => ({
  ...{ index, key: `people/train/${index}`, chatId: `chat-${index % 3}`, metrics: { f1: 0 }, baselines: {} },
  ...{ losses: [], targetLoss: null, outcome: 'updated', finetuneFn: 'c', lora: null },
  ...about,
})

export const branchOf = (name: string, parent: string | null, at: number): Branch => ({
  ...{ name, parent, at, skipUpdates: [] },
})

/**
 * Waits until what was told has been drawn: told at a frame, drawn at the next, if the page is not busy. Between two
 * frames it waits until nothing else is left to do, for on a slow machine React's work may take more than a frame.
 */
export const drawn = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    for (let i = 0; i < 4; i++) {
      await new Promise(requestAnimationFrame)
      await new Promise<unknown>(idle => requestIdleCallback(idle))
    }
  })

/** Without the endless depth of JSON, which playwright's types would unroll. */
interface Loaded {
  points: Record<string, TimelinePoint[]>
  branches: Branch[]
  events: never[]
}

/** Shows another run instead of the page's own: points of branches, the last branch is the current one. */
export async function load(
  page: Page,
  points: Record<string, TimelinePoint[]>,
  { branches = [branchOf('main', null, 0)], events = [] as RunEvent[] } = {},
): Promise<void> {
  await page.evaluate(
    async ({ points, branches, events }: Loaded) => {
      const { store } = (globalThis as unknown as PanelOnPage).panel.source
      // A page that was busy is told later than at the next frame (frames.ts).
      const told = new Promise<void>(tell => store.subscribe(tell))
      store.forget()
      store.apply({ type: 'branches', branches, current: branches.at(-1)!.name })
      for (const { name, at } of branches)
        store.apply({ type: 'points', branch: name, from: at, points: points[name]! })
      for (const [n, event] of events.entries()) store.apply({ type: 'event', n, event })
      await told
    },
    { points, branches, events } as unknown as Loaded,
  )
  await drawn(page)
}

/** Adds examples to a branch, all at once. */
export async function append(page: Page, branch: string, points: TimelinePoint[]): Promise<void> {
  await page.evaluate(
    async ({ branch, points }) => {
      const { store } = (globalThis as unknown as PanelOnPage).panel.source
      const told = new Promise<void>(tell => store.subscribe(tell))
      store.apply({ type: 'points', branch, from: points[0]!.index, points })
      await told
    },
    { branch, points },
  )
  await drawn(page)
}

export async function look(page: Page, part: Partial<ViewState>): Promise<void> {
  await page.evaluate(part => (globalThis as unknown as PanelOnPage).panel.view.set(part), part)
  await drawn(page)
}

export const viewOf = (page: Page): Promise<ViewState> =>
  page.evaluate(() => (globalThis as unknown as PanelOnPage).panel.view.state)

export type Colour = readonly [red: number, green: number, blue: number]

export const colour = (hex: string): Colour =>
  [1, 3, 5].map(i => Number.parseInt(hex.slice(i, i + 2), 16)) as unknown as Colour

/** What a canvas holds, as it was drawn. */
export interface Picture {
  width: number
  height: number
  data: Uint8Array
}

/** @param name of the canvas: its `data-lh` */
export async function pictureOf(page: Page, name = 'timeline-history'): Promise<Picture> {
  const { width, height, text } = await page.evaluate(name => {
    const canvas = document.querySelector<HTMLCanvasElement>(`canvas[data-lh="${name}"]`)!
    const { width, height } = canvas
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, width, height)
    let text = ''
    for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192))
    return { width, height, text: btoa(text) }
  }, name)
  return { width, height, data: Buffer.from(text, 'base64') }
}

/** Whether a pixel has this colour, wholly or nearly: at an edge it is thinner. */
export function has({ width, data }: Picture, x: number, y: number, [r, g, b]: Colour): boolean {
  const [red, green, blue, alpha] = data.subarray((y * width + x) * 4) as unknown as [number, number, number, number]
  // Premultiplied and back, a half-covered pixel is off by up to 2 in 255; 12 is far from any other colour here.
  return alpha > 100 && Math.max(Math.abs(red - r), Math.abs(green - g), Math.abs(blue - b)) <= 12
}

export interface Box {
  left: number
  top: number
  right: number
  bottom: number
}

/** Connected pieces of a colour within a box: where their middles are, and how many pixels they have. */
export function pieces(picture: Picture, of: Colour, box: Box): { x: number; y: number; pixels: number }[] {
  const seen = new Set<number>()
  const found: { x: number; y: number; pixels: number }[] = []
  for (let y = box.top; y <= box.bottom; y++)
    for (let x = box.left; x <= box.right; x++) {
      if (seen.has(y * picture.width + x) || !has(picture, x, y, of)) continue
      const rest = [[x, y] as const]
      seen.add(y * picture.width + x)
      const all: (readonly [number, number])[] = []
      for (let next = rest.pop(); next; next = rest.pop()) {
        all.push(next)
        for (const [dx, dy] of [-1, 0, 1].flatMap(dx => [-1, 0, 1].map(dy => [dx, dy] as const))) {
          const [nx, ny] = [next[0] + dx, next[1] + dy]
          const place = ny * picture.width + nx
          if (nx < box.left || nx > box.right || ny < box.top || ny > box.bottom) continue
          if (seen.has(place) || !has(picture, nx, ny, of)) continue
          seen.add(place)
          rest.push([nx, ny])
        }
      }
      const middle = (k: 0 | 1) => all.reduce((sum, at) => sum + at[k], 0) / all.length + 0.5
      found.push({ x: middle(0), y: middle(1), pixels: all.length })
    }
  return found
}
