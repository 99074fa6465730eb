import { LoRAModel } from '../../src/engine/model.js'
import { fixture } from '../helpers/fixtures.js'
import { exactness } from './exact.js'

exactness('a tiny model', () => LoRAModel.load(fixture('tiny-llama-genai')), 8)
