"""A run of a Python kernel in the LoRA Harness panel of JupyterLab: what docs/protocol.md says, in one file. In a notebook:

    run = Run("mine", total=len(examples))
    for example in examples:
        run.wait()                                   # while it is paused from the panel
        answer = model(example["prompt"])
        run.step(example["prompt"], answer, {"f1": score(answer, example)}, outcome="updated", losses=[2.1, 1.4])
    run.change(status="finished")
"""
import datetime, threading, time, uuid
from comm import create_comm, get_comm_manager

EVENTS, CONTROL = "lora-harness.events.v1", "lora-harness.control.v1"
MAIN = {"name": "main", "parent": None, "at": 0, "skipUpdates": []}
NONE = {"retrieveLoraFn": "", "inferenceFn": "", "finetuneFn": ""}


class Run:
    def __init__(self, name, total=None):
        self.lock, self.steps, self.fronts = threading.RLock(), [], {}  # seq by the comm of each page
        self.state = {"id": name, "runId": uuid.uuid4().hex, "folder": None, "branch": "main", "status": "running",
                      "index": 0, "total": total, "stage": None, "error": None, "callables": NONE}
        get_comm_manager().register_target(EVENTS, self.follow)
        get_comm_manager().register_target(CONTROL, lambda comm, _: comm.on_msg(lambda m: comm.send(self.reply(m["content"]["data"]))))
        self.announcement = create_comm(target_name=EVENTS, data={"v": 1})  # Pages open their own when they see it.

    def step(self, prompt, response, metrics, outcome="unchanged", losses=(), chat=None):
        i = len(self.steps)
        self.steps.append({
            "v": 1, "runId": self.state["runId"], "branch": "main", "index": i, "key": f"python/{i}", "datasetName": "python",
            "split": None, "testIdx": i, "chatId": chat, "lang": "", "messages": [{"role": "user", "content": prompt}],
            "response": response, "metrics": metrics, "details": {}, "baselines": {}, "retrievedLora": None, "updatedLora": None,
            "outcome": {"kind": outcome}, "callables": NONE, "seed": 0, "losses": list(losses), "targetLoss": None,
            "tokens": {"prompt": 0, "new": 0}, "ms": dict.fromkeys(("retrieve", "infer", "evaluate", "finetune", "record"), 0),
            "startedAt": datetime.datetime.now(datetime.timezone.utc).isoformat()})
        self.tell({"type": "points", "branch": "main", "from": i, "points": [self.point(self.steps[i])]})
        self.change(index=i + 1)

    def point(self, step):
        same = ("index", "key", "chatId", "metrics", "losses", "targetLoss", "baselines")
        return {**{k: step[k] for k in same}, "outcome": step["outcome"]["kind"], "finetuneFn": "", "lora": None}

    def change(self, **state):
        self.state = {**self.state, **state}
        self.tell({"type": "state", "state": self.state})

    def wait(self):
        while self.state["status"] == "paused":
            time.sleep(0.05)

    def tell(self, *messages, only=None):
        with self.lock:  # JupyterLab may ask from a subshell, which is another thread, while a cell runs.
            for comm in [only] if only else list(self.fronts):
                for message in messages:
                    comm.send({"seq": self.fronts[comm], "id": self.state["id"], **message})
                    self.fronts[comm] += 1

    def follow(self, comm, _):
        self.fronts[comm] = 0
        comm.on_close(lambda _: self.fronts.pop(comm, None))
        self.snapshot(comm)

    def snapshot(self, comm, since=0):
        parts = [{"type": "points", "branch": "main", "from": i, "points": [self.point(s) for s in self.steps[i:i + 200]]}
                 for i in range(since, len(self.steps), 200)]
        no_token = {"type": "token", "index": len(self.steps), "from": 0, "text": ""}
        self.tell({"type": "state", "state": self.state}, {"type": "branches", "branches": [MAIN], "current": "main"},
                  *parts, no_token, {"type": "ready"}, only=comm)

    def reply(self, asked):  # All that is done here may be done twice; else a number that comes again gets its first answer.
        try:
            return {"request": asked["request"], "ok": True, "result": getattr(self, "on_" + asked["type"])(asked)}
        except (AttributeError, IndexError, KeyError) as error:
            return {"request": asked["request"], "ok": False, "error": f"this kernel cannot do that: {error}"}

    def on_runs(self, _):
        return [self.state]

    def on_snapshot(self, asked):
        known = asked.get("known", {}).get("main", 0) if asked.get("runId") == self.state["runId"] else 0
        for comm in list(self.fronts):
            self.snapshot(comm, known)

    def on_pause(self, _):
        self.change(status="paused")
        return self.state

    def on_resume(self, _):
        self.change(status="running")
        return self.state

    def on_example(self, asked):
        return self.steps[asked["index"]]
