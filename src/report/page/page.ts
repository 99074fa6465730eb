/// <reference lib="dom" />
import type { adapterTools } from './adapter.js'
import type { PageData, PageExample } from './data.js'
import type { exampleBody } from './example.js'
import type { Kit } from './kit.js'

/**
 * The report's script: tools of the page, and the list of examples with its filter. Put into the page as its own text:
 * it must not use anything from outside. Whatever comes from the run is set as text, never as markup.
 */
export function page(
  { own, byId, el, isolated, two, signed, button, icon, hashOf }: Kit,
  body: ReturnType<typeof exampleBody>,
  adapter: ReturnType<typeof adapterTools>,
): void {
  const ROWS = 100

  function tools(): void {
    const root = document.documentElement
    const isDark = () =>
      root.dataset.theme === 'dark' ||
      (root.dataset.theme === undefined && matchMedia('(prefers-color-scheme: dark)').matches)
    byId('tools')?.append(
      button('print', 'Print, or save as PDF', () => print()),
      button('light/dark', 'Change the colours', () => {
        root.dataset.theme = isDark() ? 'light' : 'dark'
      }),
    )
    const command = byId('command')
    const text = command?.textContent ?? ''
    const copy = button('copy', 'Copy the command', () => {
      navigator.clipboard.writeText(text).then(
        () => copy.replaceChildren('copied'),
        () => getSelection()?.selectAllChildren(command!),
      )
    })
    command?.after(copy)
  }

  async function read(packed: string): Promise<PageData> {
    const bytes = Uint8Array.from(atob(packed), c => c.charCodeAt(0))
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
    return JSON.parse(await new Response(stream).text())
  }

  const asked = ({ messages }: PageExample) =>
    (messages.findLast(({ role }) => role === 'user') ?? messages.at(-1))?.content.trim().slice(-300) ?? ''

  function browse(data: PageData, into: HTMLElement): void {
    const base = data.baselines[0]
    const gap = (example: PageExample): number | null => {
      const other =
        base === undefined || data.metric === null ? undefined : own(own(example.baselines, base)?.metrics, data.metric)
      return other === undefined || example.score === null ? null : example.score - other
    }
    const search = el('input', { type: 'search', placeholder: 'filter by text  ( / )', 'aria-label': 'Filter by text' })
    const wanted = new Set(['updated', 'unchanged', 'skipped', 'failed'])
    const kinds = [...wanted].map(kind => {
      const toggle = button('', `Show ${kind} examples`, () => {
        if (!wanted.delete(kind)) wanted.add(kind)
        toggle.setAttribute('aria-pressed', String(wanted.has(kind)))
        show()
      })
      toggle.setAttribute('aria-pressed', 'true')
      toggle.append(icon(kind) ?? '', ` ${kind}`)
      return toggle
    })
    const chats = [...new Set(data.examples.map(({ chat }) => chat))]
    const chat = el('select', { 'aria-label': 'Chat' }, el('option', { value: '' }, 'all chats'))
    chat.append(...chats.map((name, i) => el('option', { value: String(i + 1) }, (name ?? '(no chat)').slice(0, 60))))
    const box = () => el('input', { type: 'checkbox' })
    const [worse, differs] = [box(), box()]
    const count = el('output', {})
    const rows = el('div', {})
    const more = button('', 'Show more examples', () => append())
    const printed = el('p', { class: 'print' })
    let found: PageExample[] = []
    let shown = 0

    const texts = new Map<PageExample, string>()
    function textOf(example: PageExample): string {
      const { key, response, messages, reference, outcome, baselines } = example
      const known = texts.get(example)
      if (known !== undefined) return known
      const all = [
        `#${example.index}`,
        key,
        example.chat,
        response,
        reference,
        outcome.reason,
        ...messages.map(m => m.content),
        ...Object.values(baselines).map(b => b.response),
      ]
      texts.set(example, all.join('\n').toLowerCase())
      return texts.get(example)!
    }
    function row(example: PageExample): HTMLDetailsElement {
      const by = gap(example)
      const summary = el(
        'summary',
        {},
        el('span', {}, `#${example.index}`),
        el(
          'span',
          { title: example.outcome.kind, role: 'img', 'aria-label': example.outcome.kind },
          icon(example.outcome.kind),
        ),
        el('span', {}, two(example.score)),
        el('span', { class: 'quiet' }, by === null ? '' : signed(by)),
        el('span', { class: 'ask' }, isolated(asked(example) || example.key)),
      )
      const made = el('details', { class: 'row' }, summary)
      made.dataset.index = String(example.index)
      made.addEventListener('toggle', () => {
        if (made.open && made.children.length === 1) made.append(body(example, data))
      })
      return made
    }
    function append(): void {
      rows.append(...found.slice(shown, shown + ROWS).map(row))
      shown = Math.min(found.length, shown + ROWS)
      more.hidden = shown >= found.length
      more.textContent = `Show ${Math.min(ROWS, found.length - shown)} more of ${found.length - shown}`
    }
    function show(): void {
      const text = search.value.toLowerCase()
      const only = chat.value === '' ? undefined : chats[Number(chat.value) - 1]
      found = data.examples.filter(
        example =>
          wanted.has(example.outcome.kind) &&
          (only === undefined || example.chat === only) &&
          (!worse.checked || (gap(example) ?? 0) < 0) &&
          (!differs.checked ||
            Object.values(example.baselines).some(({ response }) => response !== example.response)) &&
          (text === '' || textOf(example).includes(text)),
      )
      count.textContent = `${found.length} of ${data.examples.length}`
      printed.textContent = `${found.length} of ${data.examples.length} examples${found.length > ROWS ? `; the first ${ROWS} are printed` : ''}.`
      rows.replaceChildren(
        ...(found.length > 0
          ? []
          : [el('p', {}, 'No examples match the filter. ', button('Clear filter', 'Show all', clear))]),
      )
      shown = 0
      append()
    }
    function clear(): void {
      search.value = chat.value = ''
      worse.checked = differs.checked = false
      for (const [i, kind] of ['updated', 'unchanged', 'skipped', 'failed'].entries()) {
        wanted.add(kind)
        kinds[i]!.setAttribute('aria-pressed', 'true')
      }
      show()
    }
    /** Opens the example that the address names. */
    function follow(): void {
      const parts = location.hash.startsWith('#lora=') ? location.hash.slice(6).split('/') : []
      const position = data.examples.findIndex(
        ({ index }) => hashOf(data.runId, data.branch, index) === `#lora=${parts.slice(0, 3).join('/')}`,
      )
      if (position < 0) return
      if (!found.includes(data.examples[position]!)) clear()
      while (shown <= found.indexOf(data.examples[position]!)) append()
      const target = rows.children[found.indexOf(data.examples[position]!)] as HTMLDetailsElement
      target.open = true
      target.scrollIntoView({ block: 'start' })
      target.querySelector('summary')?.focus({ preventScroll: true })
    }
    function keys(event: KeyboardEvent): void {
      const typing = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement
      if (event.ctrlKey || event.metaKey || event.altKey) return
      if (event.key === 'Escape' && event.target === search) search.blur()
      if (typing) return
      if (event.key === '/') {
        event.preventDefault()
        search.focus()
      }
      const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key]
      const now = document.activeElement?.closest('details.row')
      if (step === undefined || (!now && event.key.startsWith('Arrow'))) return
      const next = now ? (step > 0 ? now.nextElementSibling : now.previousElementSibling) : rows.firstElementChild
      if (next) event.preventDefault()
      next?.querySelector('summary')?.focus()
    }

    for (const input of [search, chat, worse, differs]) input.addEventListener('input', show)
    document.addEventListener('keydown', keys)
    addEventListener('hashchange', follow)
    const filter = el('div', { class: 'filter', role: 'search' }, search, ...kinds)
    if (chats.length > 1) filter.append(chat)
    if (base !== undefined)
      filter.append(el('label', {}, worse, `worse than ${base.slice(0, 30)}`), el('label', {}, differs, 'other answer'))
    filter.append(count)
    const left = data.left > 0 ? el('p', { class: 'quiet' }, `${data.left} more examples are in the record.`) : ''
    const legend = `Number, outcome, ${data.metric ?? 'no score'}${base === undefined ? '' : ` and its difference to ${base}`}, question. A row opens; keys: / filter, j and k rows, Enter opens.`
    into.append(el('p', { class: 'quiet' }, legend), filter, printed, rows, more, left)
    show()
    into.hidden = false
    byId('static')!.remove()
    follow()
  }

  tools()
  const [packed, into] = [byId('data'), byId('browser')]
  // Where it cannot be read, the table for readers without script stays.
  if (packed && into)
    read(packed.textContent ?? '')
      .then(data => {
        adapter(data.modules)
        browse(data, into)
      })
      .catch(error => console.error(error))
}
