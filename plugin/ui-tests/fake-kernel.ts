/** A kernel that speaks the protocol, and a connection to it as JupyterLab gives one, without either. */
import type { Kernel } from '@jupyterlab/services'
import { Signal } from '@lumino/signaling'
import {
  type Branch,
  CONTROL_COMM,
  type ControlReply,
  type ControlRequest,
  EVENTS_COMM,
  type EventMessage,
  type RunEvent,
  type RunState,
  type TimelinePoint,
} from 'lora-harness/protocol'
import type { Told } from '../src/model/store.js'
import { stateOf } from './page/sample.js'

/** What happens to a message on its way to the page. */
export type Fate = 'comes' | 'lost' | 'late' | 'twice'

export const pointAt = (index: number, score = index): TimelinePoint => ({
  ...{ index, key: `toy/train/${index}`, chatId: null, metrics: { score }, losses: [], targetLoss: null },
  ...{ outcome: 'updated', baselines: {}, finetuneFn: 'f', lora: `a${index}` },
})

/** A run as its kernel knows it, and the fronts that follow it. */
export class FakeKernel {
  branches: Branch[] = [{ name: 'main', parent: null, at: 0, skipUpdates: [] }]
  current = 'main'
  points = new Map<string, TimelinePoint[]>([['main', []]])
  events: RunEvent[] = []
  answer = { index: 0, text: '' }
  state: RunState = stateOf({ id: 'people', status: 'running', stage: 'infer' })
  readonly comms = new Map<string, { target: string; next: number }>()
  /** What was asked, each number once. */
  readonly asked: ControlRequest[] = []
  readonly #replies = new Map<number, ControlReply>()
  /** Answers to what is asked beside runs and snapshots. */
  answers: (asked: ControlRequest) => ControlReply | undefined = ({ request }) => ({ request, ok: true, result: null })
  fate: () => Fate = () => 'comes'
  #late: (() => void)[] = []
  /** To the page; undefined while it is not there. */
  deliver: ((comm: string, data: unknown) => void) | undefined

  opened(id: string, target: string): void {
    this.comms.set(id, { target, next: 0 })
    if (target === EVENTS_COMM) this.snapshot(id)
  }

  said(id: string, asked: ControlRequest): void {
    const known = this.#replies.get(asked.request)
    if (known) {
      this.reply(id, known)
      return
    }
    this.asked.push(asked)
    const { request } = asked
    if (asked.type === 'snapshot') {
      const same = asked.runId === this.state.runId
      for (const [comm, { target }] of this.comms)
        if (target === EVENTS_COMM) this.snapshot(comm, same ? asked.known : undefined)
    }
    const result = asked.type === 'runs' ? [this.state] : null
    const own = asked.type === 'runs' || asked.type === 'snapshot'
    const reply = own ? { request, ok: true as const, result: result as never } : this.answers(asked)
    if (!reply) return
    this.#replies.set(request, reply)
    this.reply(id, reply)
  }

  reply(id: string, reply: ControlReply): void {
    this.deliver?.(id, JSON.parse(JSON.stringify(reply)))
  }

  snapshot(comm: string, known: Record<string, number> = {}): void {
    this.#send(comm, { type: 'state', state: this.state })
    this.#send(comm, { type: 'branches', branches: this.branches, current: this.current })
    for (const { name, at } of this.branches) {
      const from = Math.max(at, known[name] ?? 0)
      const points = this.points.get(name)!.slice(from - at)
      if (points.length > 0) this.#send(comm, { type: 'points', branch: name, from, points })
    }
    for (const [n, event] of this.events.entries()) this.#send(comm, { type: 'event', n, event })
    this.#send(comm, { type: 'token', ...this.answer, from: 0 })
    this.#send(comm, { type: 'ready' })
  }

  tell(told: Told): void {
    for (const [comm, { target }] of this.comms) if (target === EVENTS_COMM) this.#send(comm, told)
  }

  #send(comm: string, told: Told): void {
    const line = this.comms.get(comm)!
    const message = JSON.parse(JSON.stringify({ seq: line.next++, id: this.state.id, ...told })) as EventMessage
    const come = () => this.deliver?.(comm, message)
    const fate = this.fate()
    if (fate === 'late') this.#late.push(come)
    else if (fate !== 'lost') come()
    if (fate === 'twice') come()
  }

  /** What was on its way arrives. */
  flush(): void {
    const late = this.#late
    this.#late = []
    for (const come of late) come()
  }

  /** A new process: it knows no comm. */
  restart(): void {
    this.comms.clear()
    this.#late = []
  }

  // What a run does.

  step(): void {
    const own = this.points.get(this.current)!
    const { at } = this.branches.find(({ name }) => name === this.current)!
    const point = pointAt(at + own.length, own.length)
    own.push(point)
    this.answer = { index: 0, text: '' }
    this.tell({ type: 'points', branch: this.current, from: point.index, points: [point] })
    this.change({ index: point.index + 1 })
  }
  speak(text: string): void {
    const from = this.answer.text.length
    this.answer = { index: this.state.index, text: this.answer.text + text }
    this.tell({ type: 'token', index: this.state.index, from, text })
  }
  note(): void {
    const event = { type: 'swap', branch: this.current, index: this.state.index, time: String(this.events.length) }
    this.events.push(event)
    this.tell({ type: 'event', n: this.events.length - 1, event })
  }
  rewind(part: number): void {
    const at = Math.floor(part * this.state.index)
    const name = `main-${this.branches.length + 1}`
    this.branches = [...this.branches, { name, parent: this.current, at, skipUpdates: [] }]
    this.points.set(name, [])
    this.current = name
    this.answer = { index: 0, text: '' }
    this.tell({ type: 'branches', branches: this.branches, current: name })
    this.change({ index: at, branch: name, stage: null, status: 'paused' })
    this.change({ stage: 'infer', status: 'running' })
  }
  change(part: Partial<RunState>): void {
    this.state = { ...this.state, ...part }
    this.tell({ type: 'state', state: this.state })
  }
  /** A branch with what it has of its parents. */
  line(name: string): TimelinePoint[] {
    const { parent, at } = this.branches.find(branch => branch.name === name)!
    return [...(parent === null ? [] : this.line(parent).slice(0, at)), ...this.points.get(name)!]
  }
}

/** What a connection needs of a kernel. */
export interface KernelSide {
  readonly comms: Map<string, { target: string }>
  opened(comm: string, target: string): void
  said(comm: string, data: ControlRequest): void
  restart(): void
  deliver: ((comm: string, data: unknown) => void) | undefined
}

const names = new WeakMap<KernelSide, string>()
let named = 0

/** A connection to a kernel, of one page. */
export class FakeConnection<K extends KernelSide = FakeKernel> {
  readonly id: string
  status: Kernel.Status = 'idle'
  connectionStatus: Kernel.ConnectionStatus = 'connected'
  readonly statusChanged = new Signal<this, Kernel.Status>(this)
  readonly connectionStatusChanged = new Signal<this, Kernel.ConnectionStatus>(this)
  readonly disposed = new Signal<this, void>(this)
  readonly iopubMessage = new Signal<this, unknown>(this)
  readonly clientId = 'front'
  readonly username = ''
  isDisposed = false
  handleComms = true
  reconnects = 0
  readonly kernel: K
  readonly #comms = new Map<string, Comm>()
  #target: ((comm: unknown, message: unknown) => void) | undefined
  #waiting: (() => void)[] = []

  constructor(kernel: K) {
    this.kernel = kernel
    this.id = names.get(kernel) ?? `kernel-${named++}`
    names.set(kernel, this.id)
    kernel.deliver = (id, data) => {
      this.#comms.get(id)?.onMsg?.({ content: { data } })
      this.iopubMessage.emit({ header: { msg_type: 'comm_msg' }, content: { comm_id: id, data } })
    }
  }

  get typed(): Kernel.IKernelConnection {
    return this as unknown as Kernel.IKernelConnection
  }

  registerCommTarget(_name: string, target: (comm: unknown, message: unknown) => void): void {
    this.#target = target
  }
  removeCommTarget(): void {
    this.#target = undefined
  }
  createComm(target: string, id: string): Comm {
    if (!this.handleComms) throw new Error('Comms are disabled on this kernel connection')
    const comm = new Comm(this as never, target, id)
    this.#comms.set(id, comm)
    return comm
  }
  /** Of comms, on a connection that has none. */
  sendShellMessage({ header, content }: { header: { msg_type: string }; content: Record<string, unknown> }): void {
    const id = String(content.comm_id)
    if (header.msg_type === 'comm_open') this.send(() => this.kernel.opened(id, String(content.target_name)))
    else if (header.msg_type === 'comm_msg') this.send(() => this.kernel.said(id, content.data as ControlRequest))
    else this.kernel.comms.delete(id)
  }
  async requestCommInfo(): Promise<unknown> {
    const comms = Object.fromEntries([...this.kernel.comms].map(([id, { target }]) => [id, { target_name: target }]))
    return { content: { status: 'ok', comms } }
  }
  async reconnect(): Promise<void> {
    this.reconnects++
  }

  /** The kernel says that it has runs. */
  announce(): void {
    const comms: Map<string, { target: string; next: number }> = this.kernel.comms as never
    comms.set('announced', { target: EVENTS_COMM, next: 0 })
    this.#target?.(new Comm(this as never, EVENTS_COMM, 'announced'), {})
    this.iopubMessage.emit({ header: { msg_type: 'comm_open' }, content: { target_name: EVENTS_COMM } })
  }

  /** As JupyterLab does while it is not connected: messages wait. */
  send(act: () => void): void {
    if (this.connectionStatus === 'connected') queueMicrotask(act)
    else this.#waiting.push(act)
  }
  lose(): void {
    const { deliver } = this.kernel
    this.kernel.deliver = undefined
    this.connectionStatus = 'connecting'
    this.connectionStatusChanged.emit('connecting')
    this.#back = () => {
      this.kernel.deliver = deliver
    }
  }
  #back = () => {}
  regain(): void {
    this.#back()
    this.connectionStatus = 'connected'
    for (const act of this.#waiting.splice(0)) act()
    this.connectionStatusChanged.emit('connected')
  }
  restart(): void {
    this.kernel.restart()
    this.#waiting = []
    for (const comm of this.#comms.values()) comm.dispose()
    this.#comms.clear()
    this.statusChanged.emit('restarting')
    this.connectionStatusChanged.emit('connecting')
    this.connectionStatusChanged.emit('connected')
  }
  closeComm(id: string): void {
    const comm = this.#comms.get(id)
    this.#comms.delete(id)
    comm?.onClose?.({ content: { data: {} } })
    comm?.dispose()
  }
}

class Comm {
  isDisposed = false
  onMsg: ((message: unknown) => void) | undefined
  onClose: ((message: unknown) => void) | undefined
  readonly #connection: FakeConnection
  readonly targetName: string
  readonly commId: string

  constructor(connection: FakeConnection, targetName: string, commId: string) {
    this.#connection = connection
    this.targetName = targetName
    this.commId = commId
  }
  open(): void {
    this.#connection.send(() => this.#connection.kernel.opened(this.commId, this.targetName))
  }
  send(data: ControlRequest): void {
    if (this.targetName !== CONTROL_COMM) throw new Error('nothing is said on the events comm')
    this.#connection.send(() => this.#connection.kernel.said(this.commId, data))
  }
  close(): void {
    this.#connection.kernel.comms.delete(this.commId)
    this.dispose()
  }
  dispose(): void {
    this.isDisposed = true
  }
}
