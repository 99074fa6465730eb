import type { Adapter } from './adapter.js'
import { modulesOf, scaleOf } from './adapter.js'

/** Version of this package, as in package.json. */
export const VERSION = '0.1.0'

/** How an adapter was trained: names of settings and their values, for the card that people read. */
export type TrainingNotes = Readonly<Record<string, string | number | boolean | null>>

/** Has a text the form of a hub's id, `owner/name`? Such a text is harmless in a path, a URL and YAML. */
export const isHubId = (text: string): boolean =>
  /^[\w-][\w.-]{0,95}\/[\w-][\w.-]{0,95}$/.test(text) && !text.includes('..')

/**
 * The adapter's card, README.md of its folder, in the form that hubs and PEFT use.
 *
 * @param base name of the base model; untrusted, as any name here
 */
export function adapterCard(adapter: Adapter, base: string, training: TrainingNotes = {}): string {
  const { r, alpha, rslora } = adapter.config
  const modules = modulesOf(adapter)
  const parameters = [...adapter.tensors.values()].reduce((n, t) => n + t.data.length, 0)
  const scales = [...new Set(modules.map(m => scaleOf(adapter.config, m)))].sort((a, b) => a - b)
  const kinds = [...new Set(modules.map(m => m.slice(m.lastIndexOf('.') + 1)))]
  const rows: [string, string | number | boolean | null][] = [
    ['base model', base || 'not named'],
    ['rank r', r],
    ['alpha', alpha],
    [
      'scale',
      `${scales
        .slice(0, 4)
        .map(s => s.toPrecision(4))
        .join(', ')}${scales.length > 4 ? ', …' : ''}${rslora ? ' (rank-stabilised: alpha/√r)' : ''}`,
    ],
    ['modules', `${modules.length} (${kinds.slice(0, 20).join(', ')})`],
    ['parameters', parameters],
    ...Object.entries(training),
  ]
  return `---
${isHubId(base) ? `base_model: ${JSON.stringify(base)}\n` : ''}library_name: peft
pipeline_tag: text-generation
tags:
- lora
- lora-harness
---

# LoRA adapter

Made with lora-harness ${VERSION}, in ONNX Runtime; PEFT loads it too.

| setting | value |
| --- | --- |
${rows.map(([name, value]) => `| ${plain(name)} | ${plain(String(value))} |`).join('\n')}

\`\`\`python
model = PeftModel.from_pretrained(base_model, "<this folder>")
\`\`\`

\`\`\`ts
const lora = await LoRAHandle.fromPeft('<this folder>')
\`\`\`
`
}

/** Untrusted text as Markdown that shows it and does nothing else: one line, no markup, no HTML. */
const plain = (text: string): string =>
  text
    .slice(0, 200)
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .replace(/[&<>"'`*_{}[\]()#+!|~$\\:@]/g, c => `&#${c.codePointAt(0)};`)
