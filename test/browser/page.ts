import {
  exportAdapter,
  importAdapter,
  type LoadOptions,
  LoRAHandle,
  LoRAModel,
  provideModel,
  type TrainingSummary,
  useWorker,
} from 'lora-harness/browser'

/** What the test asks the page to do, and where the answer's numbers come back as plain arrays. */
export interface Task {
  device: NonNullable<LoadOptions['device']>
  /** Address of the model's folder, or its files by name in base64. */
  model: string | Record<string, string>
  /** Zip file of PEFT's adapter, in base64. */
  adapter: string
  inputIds: number[]
  labels: number[]
  optimizer: { lr: number; weight_decay: number; betas: [number, number]; eps: number }
}

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(atob(base64), c => c.charCodeAt(0))
const base64Of = (bytes: Uint8Array): string => btoa(Array.from(bytes, b => String.fromCharCode(b)).join(''))
const floats = (data: Float32Array): number[] => Array.from(data)

async function perform({ device, model: source, adapter, inputIds, labels, optimizer }: Task) {
  if (typeof source !== 'string')
    await provideModel('tiny', new Map(Object.entries(source).map(([name, base64]) => [name, bytesOf(base64)])))
  const model = await LoRAModel.load(typeof source === 'string' ? source : 'tiny', { device })
  const lora = await importAdapter(bytesOf(adapter))
  const prompt = [{ role: 'user', content: 'hello there' }] as const
  const pieces: string[] = []
  // Takes its time: all of it is awaited before the answer comes.
  const onToken = async (text: string) => {
    await new Promise(done => setTimeout(done, 50))
    pieces.push(text)
  }
  const generated = await model.generate(prompt, { lora, maxNewTokens: 12, onToken })
  const base = await model.generate(prompt, { maxNewTokens: 12 })
  const baseLogits = (await model.logits(inputIds)).data
  const adapterLogits = (await model.logits(inputIds, { lora })).data
  const { loss, grads } = await model.gradients(lora, { inputIds, labels })
  const { lr, weight_decay, betas, eps } = optimizer
  const steps: number[] = []
  const after = await model.finetune(
    lora,
    { inputIds, labels },
    {
      steps: 5,
      learningRate: lr,
      weightDecay: weight_decay,
      betas,
      epsilon: eps,
      clipNorm: null,
      onStep: ({ step }) => void steps.push(step),
    },
  )
  if (!(after instanceof LoRAHandle)) throw new Error(`skipped: ${after.reason}`)
  const taught = await model.finetune(
    null,
    { messages: [...prompt], target: 'aaaa' },
    { steps: 20, learningRate: 2e-2 },
  )
  if (!(taught instanceof LoRAHandle)) throw new Error(`skipped: ${taught.reason}`)
  const [before, learned] = [await model.score(prompt, 'aaaa'), await model.score(prompt, 'aaaa', { lora: taught })]
  const said = await model.generate(prompt, { lora: taught, maxNewTokens: 6 })
  const failure = await LoRAModel.load('nowhere/', { device }).catch((e: Error) => `${e.name}: ${e.message}`)
  const stopped = await model
    .generate(prompt, { maxNewTokens: 400, signal: AbortSignal.timeout(1) })
    .catch((e: Error) => e.name)
  const unknown = await LoRAModel.load('nowhere/', { device: 'cuda' }).catch((e: Error) => `${e.name}: ${e.message}`)
  const answer = {
    about: { id: model.id, device: model.device, reason: model.deviceReason, dtype: model.dtype },
    generated,
    streamed: pieces.join(''),
    base,
    baseLogits: floats(baseLogits),
    adapterLogits: floats(adapterLogits),
    loss,
    grads: Object.fromEntries([...grads].map(([name, g]) => [name, floats(g)])),
    imported: lora.identifier,
    steps,
    training: after.metadata.training as TrainingSummary,
    after: after.identifier,
    afterLogits: floats((await model.logits(inputIds, { lora: after })).data),
    zip: base64Of(await exportAdapter(after)),
    taught: { before: before.nll, after: learned.nll, said: said.text },
    failure,
    stopped,
    unknown,
  }
  await model.dispose()
  return answer
}
export type Answer = Awaited<ReturnType<typeof perform>>

declare const Worker: new (script: string, options: { type: 'module' }) => object
await useWorker(new Worker('worker.js', { type: 'module' }), { wasmFolder: 'ort/' })
Object.assign(globalThis, { perform })
