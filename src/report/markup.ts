import { htmlEscape } from 'escape-goat'

/** A piece of HTML or SVG that is safe to put into a page: it came out of `markup`. */
export class Markup {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
  toString(): string {
    return this.text
  }
}

type Value = string | number | Markup | readonly Value[]

const textOf = (value: Value): string => {
  if (value instanceof Markup) return value.text
  return Array.isArray(value) ? value.map(textOf).join('') : htmlEscape(String(value))
}

/** Markup out of the project's own constant text. Never for anything that came from outside. */
export const constant = (text: string): Markup => new Markup(text)

/**
 * Template tag for HTML and SVG: every value is escaped unless it is itself markup; lists are joined.
 *
 * Beside `constant` nothing else makes `Markup`, so text of a model, a data set or an adapter cannot become an element or
 * an attribute. (Attributes must be written in quotes.)
 */
export const markup = (strings: TemplateStringsArray, ...values: Value[]): Markup =>
  new Markup(strings.map((string, i) => (i === 0 ? string : textOf(values[i - 1]!) + string)).join(''))
