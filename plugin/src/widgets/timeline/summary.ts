import type { Words } from '../../model/words.js'
import type { Scene } from './scene.js'

/** The picture in words, for those who do not see it. */
export function summaryOf(
  { branch, metric, baseline, columns, marks, overlays, range, first }: Scene,
  t: Words,
): string {
  const { length, counts, adapter, base } = columns
  if (length === 0) return t.__('Timeline of %1: no examples yet.', branch)
  const last = (mean: Float32Array): string => mean[length - 1]!.toFixed(2)
  const edits = marks.filter(mark => mark.kind === 'edit')
  const sentences = [
    t.__(
      'Timeline of %1: %2 examples, %3 updated, %4 unchanged, %5 skipped, %6 failed.',
      ...[branch, length, counts.updated, counts.unchanged, counts.skipped, counts.failed],
    ),
    metric === null || Number.isNaN(adapter.mean[length - 1]!)
      ? t.__('Nothing was scored.')
      : t.__('Mean %1 of the last examples: %2.', metric, last(adapter.mean)),
    ...(baseline === null || Number.isNaN(base.mean[length - 1]!) ? [] : [t.__('%1: %2.', baseline, last(base.mean))]),
    ...(edits.length === 0
      ? []
      : [
          t.__(
            'Edited before the examples %1.',
            edits
              .slice(-10)
              .map(mark => mark.index + first)
              .join(', '),
          ),
        ]),
    ...overlays.map(({ name, from }) => t.__('Branch %1 leaves before example %2.', name, from)),
    t.__('Examples %1 to %2 are shown.', range[0] + first, Math.min(range[1], length - 1) + first),
  ]
  return sentences.join(' ')
}
