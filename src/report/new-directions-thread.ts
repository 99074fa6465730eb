/** A thread that decomposes the weights of a module, which takes seconds: the run goes on meanwhile. */
import { parentPort, workerData } from 'node:worker_threads'
import { directionMatches } from '../lora/analysis/base.js'
import type { DirectionsJob } from './new-directions.js'

const { update, base, count } = workerData as DirectionsJob
parentPort!.postMessage(directionMatches(update, base, count))
