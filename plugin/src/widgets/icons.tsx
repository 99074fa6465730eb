/** Outlines of 16 × 16 units; drawn with the text's colour. */
const PATHS = {
  pause: 'M4 3h3v10H4zM9 3h3v10H9z',
  resume: 'M4 2.5v11l9-5.5z',
  step: 'M3 3v10l7-5zM11 3h2v10h-2z',
  stop: 'M3.5 3.5h9v9h-9z',
  rewind: 'M8 3V.8L3.8 4 8 7.2V5a4 4 0 1 1-4 4H2.4a5.6 5.6 0 1 0 5.6-6z',
  fork: 'M4 1.5a1.8 1.8 0 0 0-.8 3.4v6.2a1.8 1.8 0 1 0 1.6 0V9.6c.5-.7 1.6-.9 3-1.1 2-.3 4.2-.8 4.6-3.6a1.8 1.8 0 1 0-1.6 0c-.3 1.5-1.4 1.8-3.2 2.1-.9.1-1.9.3-2.8.7V4.9A1.8 1.8 0 0 0 4 1.5z',
  retrain: 'M13.5 2v4.5H9L10.9 4.6A4.2 4.2 0 1 0 12.2 9h1.5a5.7 5.7 0 1 1-1.7-5.5z',
  follow:
    'M8 4.5A3.5 3.5 0 1 0 8 11.5 3.5 3.5 0 1 0 8 4.5zM8 1a7 7 0 0 0-7 7 7 7 0 0 0 7 7 7 7 0 0 0 7-7 7 7 0 0 0-7-7zm0 1.5A5.5 5.5 0 0 1 13.5 8 5.5 5.5 0 0 1 8 13.5 5.5 5.5 0 0 1 2.5 8 5.5 5.5 0 0 1 8 2.5z',
  compare: 'M2 2h5v12H2zm1.4 1.4v9.2h2.2V3.4zM9 2h5v12H9z',
  keys: 'M1 4h14v8.5H1zm1.4 1.4v5.7h11.2V5.4zM4 6.5h1.5V8H4zm3.2 0h1.5V8H7.2zm3.3 0H12V8h-1.5zM5 9h6v1.2H5z',
  link: 'M6.6 9.4a3 3 0 0 1 0-4.2l2.2-2.2a3 3 0 0 1 4.2 4.2l-1.2 1.2-1-1 1.2-1.2a1.5 1.5 0 0 0-2.2-2.2L7.6 6.2a1.5 1.5 0 0 0 0 2.2zm2.8-2.8a3 3 0 0 1 0 4.2L7.2 13A3 3 0 0 1 3 8.8l1.2-1.2 1 1L4 9.8A1.5 1.5 0 0 0 6.2 12l2.2-2.2a1.5 1.5 0 0 0 0-2.2z',
  report: 'M7.2 1.5h1.6v6l2.2-2.2 1.1 1.1L8 10.5 3.9 6.4 5 5.3l2.2 2.2zM2 12.5h12V14H2z',
  list: 'M2 3h12v1.5H2zm0 4.2h12v1.5H2zm0 4.3h12V13H2z',
  open: 'M2 2h5v1.5H3.5v9h9V9H14v5H2zm7 0h5v5h-1.5V4.6L8.1 9 7 7.9l4.4-4.4H9z',
  dot: 'M8 3a5 5 0 1 0 0 10A5 5 0 1 0 8 3z',
  ring: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 1 0 0-11zM8 4a4 4 0 1 1 0 8 4 4 0 1 1 0-8z',
  check: 'M13.4 3.4 6.3 10.5 2.6 6.8 1.5 7.9l4.8 4.8 8.2-8.2z',
  saved: 'M3 2h10v12.5L8 11.3 3 14.5zm1.5 1.5v8.3L8 9.5l3.5 2.3V3.5z',
  broken: 'M8 1.5 15 14H1zM7.2 6v4h1.6V6zm0 5.2v1.6h1.6v-1.6z',
  close: 'M3.5 2.4 8 6.9l4.5-4.5 1.1 1.1L9.1 8l4.5 4.5-1.1 1.1L8 9.1l-4.5 4.5-1.1-1.1L6.9 8 2.4 3.5z',
} as const
export type IconName = keyof typeof PATHS

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="lh-Icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      <path d={PATHS[name]} fillRule="evenodd" fill="currentColor" />
    </svg>
  )
}
