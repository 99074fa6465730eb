/** ‖a − b‖ / ‖b‖ */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, size] = [0, 0]
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2
    size += b[i]! ** 2
  }
  return Math.sqrt(difference / size)
}

/** max |a − b| */
export function largestError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0
  // Not Math.max, which would let NaN pass as no error.
  for (let i = 0; i < b.length; i++) if (!(Math.abs(a[i]! - b[i]!) <= largest)) largest = Math.abs(a[i]! - b[i]!)
  return largest
}

/** Processor time that some work took [ms]: unlike the clock's, it does not grow with what else the machine does. */
export function processorTime(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}
