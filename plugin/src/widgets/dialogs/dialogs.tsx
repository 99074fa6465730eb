import { useView } from '../../context.js'
import { Baseline } from './baseline.js'
import { Edit } from './edit.js'
import { KeySheet } from './key-sheet.js'
import { Leave } from './leave.js'
import { ReportHint } from './report.js'
import { Without } from './without.js'

/** What is asked or shown over the panel. */
export function Dialogs() {
  const { dialog } = useView()
  switch (dialog) {
    case 'keys':
      return <KeySheet />
    case 'edit':
      return <Edit />
    case 'baseline':
      return <Baseline />
    case 'without':
      return <Without />
    case 'report':
      return <ReportHint />
    case 'rewind':
    case 'fork':
    case 'retrain':
      return <Leave key={dialog} kind={dialog} />
    default:
      return null
  }
}
