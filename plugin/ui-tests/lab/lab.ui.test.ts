import { afterAll, beforeAll, describe } from 'vitest'
import { CHROMIUM } from '../../../test/browser/chromium.js'
import { cards } from './cards.js'
import { compute } from './compute.js'
import { live } from './live.js'
import { notebook7 } from './notebook7.js'
import { places } from './places.js'
import { HAS_LAB, type Lab, startLab } from './server.js'

// `npm test` makes an environment with JupyterLab and builds the plugin; one server for all.
describe.skipIf(!process.env.CI && (!CHROMIUM || !HAS_LAB))('the plugin in JupyterLab', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await startLab()
  })
  afterAll(() => lab?.close())

  describe('cards', () => cards(() => lab))
  describe('the panel', () => live(() => lab))
  describe('where it stands', () => places(() => lab))
  describe('this browser as a device', () => compute(() => lab))
  describe('elsewhere', notebook7)
})
