/** A table whose rows are drawn as they are needed says by roles what it is. */
export const GROUP = { role: 'rowgroup' }
export const ROW = { role: 'row' }
export const CELL = { role: 'gridcell' }
export const COLUMN = { role: 'columnheader' }
