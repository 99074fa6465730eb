import { LoRAModel } from '../../src/engine/model.js'
import { exactness } from './exact.js'

exactness('SmolLM2', () => LoRAModel.load('smollm2-135m-instruct'), 5)
