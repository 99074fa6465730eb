/// <reference lib="dom" />
import type { Metrics } from '../../protocol/index.js'
import type { PageData, PageExample } from './data.js'
import type { Kit } from './kit.js'

/** Makes what a row shows when it is opened. Put into the page as its own text: it must not use anything from outside. */
export function exampleBody({ own, el, draw, isolated, two, short, button, hashOf }: Kit) {
  type Child = Node | string | null
  const LONG = 20_000

  /** A text; of a long one the begin, the rest when it is asked for. */
  function textBox(text: string): Node {
    if (text === '') return el('p', { class: 'quiet' }, '(empty)')
    if (text.length <= LONG) return el('pre', { dir: 'auto' }, text)
    const box = el('pre', { dir: 'auto' }, text.slice(0, LONG))
    const more = button('Show all', `${text.length} characters`, () => {
      box.textContent = text
      more.remove()
    })
    return el(
      'div',
      {},
      box,
      el('p', { class: 'quiet' }, `${text.length} characters; the first ${LONG} are shown. `, more),
    )
  }

  /** Longest common subsequence of words; null where that would take too long. */
  function wordDiff(from: string, to: string): [kind: 'del' | 'ins' | '', text: string][] | null {
    const [a, b] = [from.match(/\S+\s*|\s+/g) ?? [], to.match(/\S+\s*|\s+/g) ?? []]
    if (a.length * b.length > 1_000_000) return null
    const length = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1))
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        length[i]![j] = a[i] === b[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!)
    const parts: [kind: 'del' | 'ins' | '', text: string][] = []
    const add = (kind: 'del' | 'ins' | '', text: string) => {
      const last = parts.at(-1)
      if (last && last[0] === kind) last[1] += text
      else parts.push([kind, text])
    }
    let [i, j] = [0, 0]
    while (i < a.length || j < b.length)
      if (i < a.length && j < b.length && a[i] === b[j]) {
        add('', a[i++]!)
        j++
      } else if (j >= b.length || (i < a.length && length[i + 1]![j]! >= length[i]![j + 1]!)) add('del', a[i++]!)
      else add('ins', b[j++]!)
    return parts
  }

  function diffBox(from: string, to: string): Node | null {
    if (from === to) return el('p', { class: 'quiet' }, 'the same answer')
    const parts = wordDiff(from, to)
    return (
      parts && el('pre', { dir: 'auto' }, ...parts.map(([kind, text]) => (kind === '' ? text : el(kind, {}, text))))
    )
  }

  /** Loss before each optimizer step. */
  function lossCurve(losses: readonly number[]): Node | null {
    if (losses.length < 2) return null
    const [least, most] = [Math.min(...losses), Math.max(...losses)]
    const at = (v: number, i: number) =>
      `${(44 + (i / (losses.length - 1)) * 340).toFixed(1)} ${(70 - ((v - least) / (most - least || 1)) * 56).toFixed(1)}`
    const label = (x: string, y: string, anchor: string, text: string) =>
      draw('text', { x, y, 'text-anchor': anchor, 'font-size': '11', class: 'fill-quiet' }, text)
    return draw(
      'svg',
      { viewBox: '0 0 400 94', class: 'loss', role: 'img', 'aria-label': `Loss ${losses.map(two).join(', ')}` },
      draw('path', { d: `M${losses.map(at).join('L')}`, fill: 'none', class: 'stroke-text', 'stroke-width': '2' }),
      ...losses.map((v, i) =>
        draw('path', { d: `M${at(v, i)}h.01`, class: 'stroke-text', 'stroke-width': '6', 'stroke-linecap': 'round' }),
      ),
      label('40', '18', 'end', two(most)),
      label('40', '74', 'end', two(least)),
      label('44', '90', 'start', `loss before each of ${losses.length} steps [nats/token]`),
    )
  }

  return function body(example: PageExample, { norms, runId, branch }: PageData): Node {
    const metrics = (of: Metrics) =>
      Object.entries(of)
        .map(([name, value]) => `${name} ${+value.toFixed(4)}`)
        .join(', ')
    const block = (head: string, about: string, ...content: Child[]) =>
      el('div', {}, el('h3', {}, isolated(head), about === '' ? '' : ` ${about}`), ...content)
    const lora = (name: string | null) => {
      const size = name === null ? undefined : own(norms, name)
      return name === null ? 'none' : `${short(name)}${size === undefined ? '' : `, ‖ΔW‖ ${+size.toPrecision(3)}`}`
    }
    const { outcome, targetLoss, losses, tokens } = example
    const facts: [string, string][] = [
      ...example.details,
      ['adapter in', lora(example.before)],
      ['adapter out', example.after === example.before ? 'the same' : lora(example.after)],
      ...(losses.length > 0
        ? [['losses', `${losses.map(v => v.toFixed(3)).join(' → ')} nats/token`] as [string, string]]
        : []),
      ...(targetLoss
        ? [
            ['loss on the target', `${targetLoss.before.toFixed(3)} → ${targetLoss.after.toFixed(3)} nats/token`] as [
              string,
              string,
            ],
          ]
        : []),
      ['tokens', `${tokens.prompt} in the prompt, ${tokens.new} new`],
      [
        'time',
        `${Object.entries(example.ms)
          .map(([stage, ms]) => `${stage} ${ms.toFixed(0)}`)
          .join(' · ')} ms`,
      ],
    ]
    const link = el('a', { href: hashOf(runId, branch, example.index) }, 'link')
    const [first] = Object.entries(example.baselines)
    return el(
      'div',
      { class: 'body' },
      el(
        'p',
        { class: 'quiet' },
        isolated(example.key),
        ...(example.chat === null ? [] : [' · chat ', isolated(example.chat)]),
        ` · ${outcome.kind}`,
        outcome.reason === undefined ? '' : ': ',
        el('bdi', { class: outcome.kind === 'failed' ? 'failed-text' : '' }, outcome.reason ?? ''),
        ' · ',
        link,
      ),
      ...example.messages.map(message => block(message.role, '', textBox(message.content))),
      el(
        'div',
        { class: 'answers' },
        ...(example.messages.length === 0 && example.response === ''
          ? []
          : [
              block('adapter', metrics(example.metrics), textBox(example.response)),
              ...Object.entries(example.baselines).map(([name, answer]) =>
                block(name, metrics(answer.metrics), textBox(answer.response)),
              ),
            ]),
        example.reference === null ? null : block('reference', '', textBox(example.reference)),
      ),
      first && (first[1].response !== '' || example.response !== '')
        ? block(`from ${first[0]} to adapter`, '', diffBox(first[1].response, example.response))
        : null,
      lossCurve(losses),
      el(
        'dl',
        {},
        ...facts.flatMap(([name, value]) => [
          el('dt', {}, isolated(name)),
          el('dd', {}, isolated(value.length > LONG ? `${value.slice(0, LONG)} …` : value)),
        ]),
      ),
    )
  }
}
