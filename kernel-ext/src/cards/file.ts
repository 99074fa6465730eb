import { isAbsolute } from 'node:path'
import { inspect } from 'node:util'
import { markup, plural } from 'lora-harness/report'
import { DISPLAY, type Displayable, type MimeBundle } from '../transport.js'
import { line, plain } from './text.js'

/** A file that was written: its name, as a link where the page can follow it, and what is in it. */
export interface FileView extends Displayable {
  readonly path: string
  /** Its size [bytes]. */
  readonly bytes: number
  toString(): string
}

/** @param path as the cell gave it: from the notebook's folder, or absolute */
export function fileCard(
  path: string,
  { bytes, examples, redact }: { bytes: number; examples: number; redact: boolean },
): FileView & { [inspect.custom](): string } {
  const name = plain(line(path, 200))
  const facts = `${plural(examples, 'example')}, ${sizeOf(bytes)}`
  const inIt = redact
    ? 'Texts, names of examples and chats, reasons and sources were left out; numbers are in it.'
    : 'It holds the texts of the examples; { redact: true } leaves them out.'
  const text = `Report ${name}: ${facts}. ${inIt}`
  // A page links from where its notebook is; an absolute path is no address.
  const href = `./${path
    .split(/[\\/]/)
    .map(part => encodeURIComponent(plain(part)))
    .join('/')}`
  const named = isAbsolute(path) ? markup`<bdi>${name}</bdi>` : markup`<a href="${href}"><bdi>${name}</bdi></a>`
  return {
    ...{ path, bytes },
    [DISPLAY]: (): MimeBundle => ({
      'text/html': markup`<p>Report ${named}: ${facts}.<br>${inIt}</p>`.text,
      'text/plain': text,
    }),
    [inspect.custom]: () => text,
    toString: () => text,
  }
}

/** `95 kB`, `1.2 MB` */
const sizeOf = (bytes: number): string =>
  bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1000))} kB` : `${(bytes / 1e6).toFixed(1)} MB`
