/** Lets other work in between: awaited between parts of a long computation, it gives way once `each` [ms] have passed. */
export function pauses(each = 8): () => Promise<void> {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < each) return
    await new Promise(resolve => setTimeout(resolve))
    since = performance.now()
  }
}
