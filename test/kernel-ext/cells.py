"""A front in Python, as a page would be: follows a run over comms, steers it, and finds it again after the kernel was killed.

python cells.py FOLDER COMMAND… — FOLDER is where the kernel runs and the record goes; COMMAND starts a kernel, with
{connection_file} in it.
"""

import atexit
import json
import sys
import time
import uuid

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

FOLDER, COMMAND = sys.argv[1], sys.argv[2:]
PATIENCE = 100  # seconds, for the slowest machine

SETUP = """
import { type ExampleContext, LoRAHandle } from 'lora-harness'
import { harness } from 'lora-harness-kernel'

const examples = Array.from({ length: 24 }, (_, i): ExampleContext => ({
  datasetName: 'toy', testIdx: i, chatId: 'chat', lang: 'en', messages: [{ role: 'user', content: `What is ${i}?` }],
  target: String(i), info: {}, metadata: {}, evaluate: response => ({ exact: response === String(i) }),
}))
const wait = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
"""
LEARN = """
let rate = 1
async function finetuneFn(example: ExampleContext, lora: LoRAHandle | null) {
  return new LoRAHandle({ identifier: `${lora?.identifier ?? ''}${rate * Number(example.testIdx)},` })
}
"""
OPEN = """
const h = await harness({
  id: 'python', folder: FOLDER, exampleSource: examples,
  retrieveLoraFn: (example, run) => run.store.getLast(example.chatId),
  inferenceFn: async example => { await wait(30); return example.messages[0]!.content.slice(8, -1) },
  finetuneFn: () => null,
})
h.use({ finetuneFn: () => finetuneFn })
h
""".replace("FOLDER", json.dumps(FOLDER + "/run"))


class Front:
    """A kernel, and what it says."""

    def __init__(self):
        self.manager = KernelManager()
        self.manager._kernel_spec = KernelSpec(argv=COMMAND, display_name="kernel", language="typescript")
        self.manager.start_kernel(cwd=FOLDER)
        atexit.register(lambda: self.manager.is_alive() and self.manager.shutdown_kernel(now=True))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        self.messages, self.idle, self.replies = [], set(), {}
        self.points, self.state, self.events, self.seqs = {}, None, [], []
        self.output = {}
        self.requests = 0
        self.who = uuid.uuid4().hex

    def receive(self):
        """Takes one message in."""
        message = self.client.get_iopub_msg(timeout=PATIENCE)
        kind, content = message["header"]["msg_type"], message["content"]
        parent = message["parent_header"].get("msg_id")
        if kind == "status" and content["execution_state"] == "idle":
            self.idle.add(parent)
        elif kind in ("stream", "error", "display_data", "update_display_data", "execute_result"):
            self.output.setdefault(parent, []).append((kind, content))
        elif kind == "comm_msg" and content["comm_id"] == self.events_comm:
            self.told(content["data"])
        elif kind == "comm_msg" and content["comm_id"] == self.control_comm:
            self.replies[content["data"]["request"]] = content["data"]

    def told(self, data):
        self.seqs.append(data["seq"])
        if data["type"] == "points":
            for i, point in enumerate(data["points"]):
                self.points[data["from"] + i] = point
        elif data["type"] == "state":
            self.state = data["state"]
        elif data["type"] == "event":
            self.events.append(data["event"])

    def until(self, holds):
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, f"nothing came of it: {self.state} {list(self.output.items())[-3:]}"
            self.receive()

    def send(self, kind, content):
        message = self.client.session.msg(kind, content)
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def begin(self, code):
        """Runs a cell without waiting."""
        return self.client.execute(code)

    def run(self, code):
        """Runs a cell to its end."""
        cell = self.begin(code)
        self.until(lambda: cell in self.idle)
        said = self.output.get(cell, [])
        wrong = [c for kind, c in said if kind == "error" or (kind == "stream" and c["name"] == "stderr")]
        assert not wrong, wrong
        return said

    def connect(self):
        self.events_comm, self.control_comm = uuid.uuid4().hex, uuid.uuid4().hex
        for comm, target in ((self.events_comm, "events"), (self.control_comm, "control")):
            name = f"lora-harness.{target}.v1"
            self.send("comm_open", {"comm_id": comm, "target_name": name, "data": {"client": self.who}})

    def ask(self, **asked):
        request = self.requests
        self.requests += 1
        data = {"request": request, "id": "python", **asked}
        self.send("comm_msg", {"comm_id": self.control_comm, "data": data})
        self.until(lambda: request in self.replies)
        assert self.replies[request]["ok"], self.replies[request]
        return self.replies[request]["result"]

    def pause(self):
        self.ask(type="pause")
        self.until(lambda: self.state["status"] == "paused")
        return self.state["index"]


front = Front()
front.events_comm = front.control_comm = None
for cell in (SETUP, LEARN, OPEN):
    shown = front.run(cell)
assert any("LoRA run python: 0 examples" in json.dumps(content) for _, content in shown), shown
front.connect()
front.until(lambda: front.state is not None)
assert front.state["status"] == "idle" and front.state["index"] == 0, front.state

cell = front.begin("await h.run({ until: 8 })")
front.until(lambda: len(front.points) >= 2)
assert cell not in front.idle
print(f"steps during a running cell: {len(front.points)} received before it ended")

at = front.pause()
assert cell not in front.idle and at < 8, (at, front.state)
assert front.ask(type="step") == {"index": at}
front.until(lambda: front.state["index"] == at + 1 and at in front.points)
assert [run["index"] for run in front.ask(type="runs")] == [at + 1] and front.state["status"] == "paused"
print(f"paused before example {at}, step: exactly one more")
front.ask(type="resume")
front.until(lambda: cell in front.idle)
front.until(lambda: len(front.points) == 8)
assert front.state["status"] == "idle", front.state

front.run("const job = h.start({ until: 20 })")
front.until(lambda: len(front.points) >= 10)
at = front.pause()
front.run(LEARN.replace("rate = 1", "rate = 2"))
front.ask(type="resume")
front.until(lambda: len(front.points) >= at + 3)
hashes = [front.points[i]["finetuneFn"] for i in sorted(front.points)]
assert len(set(hashes[:at])) == 1 and len(set(hashes[at:])) == 1 and hashes[at - 1] != hashes[at], (at, hashes)
swaps = [event for event in front.events if event["type"] == "swap"]
assert [swap["index"] for swap in swaps][-1] == at and "+let rate = 2" in swaps[-1]["diff"], swaps
print(f"finetuneFn edited while paused before example {at}: its hash changes there and only there")
assert front.seqs == list(range(len(front.seqs))), front.seqs

seen = dict(front.points)
front.client.stop_channels()
front.manager.shutdown_kernel(now=True)  # SIGKILL

again = Front()
again.events_comm = again.control_comm = None
for cell in (SETUP, LEARN.replace("rate = 1", "rate = 2"), OPEN):
    again.run(cell)
again.connect()
again.until(lambda: again.state is not None)
done = again.state["index"]
assert done >= len(seen) and again.state["runId"] == front.state["runId"], again.state
again.until(lambda: len(again.points) == done)
assert {i: again.points[i] for i in seen} == seen
cell = again.begin("await h.run()")
again.until(lambda: len(again.points) >= done + 2)
again.manager.interrupt_kernel()
again.until(lambda: cell in again.idle)
said = json.dumps(again.output[cell])
again.until(lambda: again.state["status"] == "idle")
at = again.state["index"]
assert f"stopped after example {at - 1} ({at} of 24 done); nothing is lost" in said, said
print(f"interrupted: stopped after example {at - 1}, nothing lost")
# tslab leaves cells out that come within a fifth of a second after an error.
cell = None
while not again.output.get(cell):
    cell = again.begin("await h.run()")
    again.until(lambda: cell in again.idle)
again.until(lambda: len(again.points) == 24 and again.state["status"] == "finished")
assert again.points[23]["lora"].count(",") == 24, again.points[23]
print(f"killed, started again: gone on with after {done} examples, to the end")
again.client.stop_channels()
again.manager.shutdown_kernel(now=True)
