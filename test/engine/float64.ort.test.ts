import { expect, test } from 'vitest'
import { readPeft } from '../../src/lora/peft.js'
import { DECODERS, exported, fixture, reference, weightsOf } from '../helpers/fixtures.js'
import { gradientError } from '../helpers/gradient.js'

/** Of central differences along a direction of some 8,000 entries of about ±1: it moves θ by about 5e-5. */
const STEP = 1e-6
/**
 * Truncation falls with the square of the step (at 1e-5 it shows as 1e-7), rounding grows as 1e-16 / STEP = 1e-10 times
 * the loss. The figures compared are of the order of 10.
 */
const TOLERANCE = 1e-8

test.each(DECODERS)(
  '%s: the gradient of the whole training step agrees with central differences in float64',
  async (name, referenceName) => {
    const { adapter } = readPeft(`${fixture(referenceName)}/adapter`)
    const { worst, norm } = await gradientError(
      exported(name),
      weightsOf(name),
      adapter,
      reference(referenceName),
      STEP,
    )
    console.info(
      `${name}: gradient against central differences in float64, worst of 5 directions: ${worst.toExponential(1)}`,
    )
    expect(norm).toBeLessThan(1e-12)
    expect(worst).toBeLessThan(TOLERANCE)
  },
)
