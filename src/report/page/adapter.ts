/// <reference lib="dom" />
import type { PageModule } from './data.js'
import type { Kit } from './kit.js'

/**
 * Lets a reader choose what the adapter's pictures show. Put into the page as its own text: it must not use anything from
 * outside.
 */
export function adapterTools({ byId, el, button }: Kit) {
  /** The heat maps that there are, one at a time. */
  function views(into: HTMLElement): void {
    const all = Array.from(into.querySelectorAll<HTMLElement>('[data-view]'))
    const show = (one: HTMLElement) => {
      for (const [i, view] of all.entries()) {
        view.hidden = view !== one
        buttons[i]!.setAttribute('aria-pressed', String(view === one))
      }
    }
    const buttons = all.map(view => button(view.dataset.view!, 'Show this in the heat map', () => show(view)))
    if (all.length < 2) return
    all[0]!.before(el('p', { class: 'choice', role: 'group', 'aria-label': 'Heat map' }, ...buttons))
    show(all[0]!)
  }

  /** Singular values of one module: chosen from the list, or by its cell in a heat map. */
  function spectra(into: HTMLElement, modules: readonly PageModule[], where: HTMLElement): void {
    const select = el('select', { 'aria-label': 'Weight matrix' })
    select.append(...modules.map(({ name }, i) => el('option', { value: String(i) }, name)))
    const about = into.querySelector('.about')!
    const open = (at: number) => {
      const { lines, about: words } = modules[at]!
      select.value = String(at)
      about.textContent = words
      for (const [name, d] of Object.entries(lines)) into.querySelector(`[data-line=${name}]`)?.setAttribute('d', d)
      into.querySelector('svg')!.setAttribute('aria-label', `Singular values: ${words}`)
      for (const cell of Array.from(where.querySelectorAll('[data-module]')))
        cell.classList.toggle('chosen', cell.getAttribute('data-module') === String(at))
    }
    select.addEventListener('input', () => open(Number(select.value)))
    where.addEventListener('click', event => {
      const cell = (event.target as Element).closest('[data-module]')
      if (cell) open(Number(cell.getAttribute('data-module')))
    })
    where.classList.add('live')
    about.before(el('p', { class: 'choice' }, select))
    open(Number(into.dataset.first))
  }

  return (modules: readonly PageModule[]): void => {
    const [where, opened] = [byId('where'), byId('spectra')]
    if (!where || !opened) return
    views(where)
    spectra(opened, modules, where)
  }
}
