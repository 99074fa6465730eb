import type { TranslationBundle } from '@jupyterlab/translation'

/** What a panel says that could not be drawn. */
export function Failed({ error, trans }: { error: Error; trans: TranslationBundle }) {
  return (
    <section className="lh-Panel" data-lh="failed">
      <div className="lh-NoRun">
        <h2>{trans.__('This run could not be shown')}</h2>
        <p>{trans.__('The run itself is not touched by this. What went wrong:')}</p>
        <pre>{error.message}</pre>
      </div>
    </section>
  )
}
