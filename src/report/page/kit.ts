/// <reference lib="dom" />

/** What the page's script builds with. */
export type Kit = ReturnType<typeof kit>

/**
 * Small functions of the page's script. Put into the page as their own text: they must not use anything from outside.
 * Children that are strings become text, never markup.
 */
export function kit() {
  type Child = Node | string | null
  const svgNs = 'http://www.w3.org/2000/svg'
  const byId = (id: string) => document.getElementById(id)

  function put<T extends Element>(node: T, attributes: Record<string, string>, children: Child[]): T {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
    node.append(...children.filter(child => child !== null))
    return node
  }
  const el = <K extends keyof HTMLElementTagNameMap>(
    tag: K,
    attributes: Record<string, string>,
    ...children: Child[]
  ) => put(document.createElement(tag), attributes, children)
  const draw = (tag: string, attributes: Record<string, string>, ...children: Child[]) =>
    put(document.createElementNS(svgNs, tag), attributes, children)
  const isolated = (text: string) => el('bdi', {}, text)
  const two = (v: number | null) => (v === null ? '–' : v.toFixed(2).replace('-', '−'))
  const signed = (v: number) => (v > 0 && v.toFixed(2) !== '0.00' ? '+' : '') + two(v).replace('−0.00', '0.00')
  const short = (name: string) => (/^[0-9a-f]{16,}$/.test(name) ? name.slice(0, 8) : name)
  function button(label: string, title: string, press: () => void): HTMLButtonElement {
    const made = el('button', { type: 'button', title }, label)
    made.addEventListener('click', press)
    return made
  }

  const icon = (kind: string): Child =>
    (byId('icons') as HTMLTemplateElement).content.querySelector(`[data-kind="${kind}"]`)?.cloneNode(true) ?? null

  const hashOf = (...parts: (string | number)[]) =>
    `#lora=${parts.map(part => encodeURIComponent(String(part).replace(/\p{Cs}/gu, '\ufffd'))).join('/')}`

  const own = <T>(of: Record<string, T> | undefined, name: string): T | undefined =>
    of !== undefined && Object.hasOwn(of, name) ? of[name] : undefined

  return { own, byId, el, draw, isolated, two, signed, short, button, icon, hashOf }
}
