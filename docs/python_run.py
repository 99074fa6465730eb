"""A run of a Python kernel in the panel of JupyterLab: what docs/protocol.md says, in one file. In a notebook:

    run = Run("mine", total=len(examples))
    for example in examples:
        run.wait()  # while it is paused from the panel
        run.step(example["prompt"], answer := model(example["prompt"]), {"f1": score(answer, example)}, outcome="updated")
    run.change(status="finished")

Left out: tokens as they come, chats, baselines, adapters, branches, a person's words. A snapshot goes to all pages, its
points in one message (at most 10,000), and what is asked again by its number is done again: here that does no harm."""
import datetime, threading, time, uuid
from comm import create_comm, get_comm_manager
NONE = {"retrieveLoraFn": "", "inferenceFn": "", "finetuneFn": ""}
POINT = {"chatId": None, "targetLoss": None, "baselines": {}}
STEP = {"v": 1, "branch": "main", "datasetName": "python", "split": None, "lang": "", "details": {}, "retrievedLora": None,
        "updatedLora": None, "callables": NONE, "seed": 0, "tokens": {"prompt": 0, "new": 0},
        "ms": dict.fromkeys(("retrieve", "infer", "evaluate", "finetune", "record"), 0)}
class Run:
    def __init__(self, name, total=None):
        self.lock, self.points, self.steps, self.fronts = threading.RLock(), [], [], {}  # seq by the comm of each page
        self.state = {"id": name, "runId": uuid.uuid4().hex, "folder": None, "branch": "main", "status": "running",
                      "index": 0, "total": total, "stage": None, "error": None, "callables": NONE}
        get_comm_manager().register_target("lora-harness.events.v1", self.follow)
        get_comm_manager().register_target("lora-harness.control.v1", self.listen)
        self.announcement = create_comm(target_name="lora-harness.events.v1", data={"v": 1})  # Pages now open their own.
    def step(self, prompt, response, metrics, outcome="unchanged", losses=()):
        i, now = len(self.steps), datetime.datetime.now(datetime.timezone.utc).isoformat()
        point = {**POINT, "index": i, "key": f"python/{i}", "metrics": metrics, "losses": list(losses)}
        self.steps.append({**STEP, **point, "runId": self.state["runId"], "testIdx": i, "response": response, "startedAt": now,
                           "messages": [{"role": "user", "content": prompt}], "outcome": {"kind": outcome}})
        self.points.append({**point, "outcome": outcome, "finetuneFn": "", "lora": None})
        self.tell(self.fronts, {"type": "points", "branch": "main", "from": i, "points": self.points[i:]})
        self.change(index=i + 1)
    def change(self, **state):
        self.state = {**self.state, **state}
        self.tell(self.fronts, {"type": "state", "state": self.state})
        return self.state
    def wait(self):
        while self.state["status"] == "paused": time.sleep(0.05)
    def tell(self, comms, *messages):
        with self.lock:  # JupyterLab may ask from a subshell, which is another thread, while a cell runs.
            for comm, message in [(comm, message) for comm in list(comms) for message in messages]:
                comm.send({"seq": self.fronts[comm], "id": self.state["id"], **message})
                self.fronts[comm] += 1
    def follow(self, comm, _):
        self.fronts[comm] = 0
        comm.on_close(lambda _: self.fronts.pop(comm, None))
        self.snapshot([comm])
    def snapshot(self, comms):
        main = {"name": "main", "parent": None, "at": 0, "skipUpdates": []}
        self.tell(comms, {"type": "state", "state": self.state}, {"type": "branches", "branches": [main], "current": "main"},
                  {"type": "points", "branch": "main", "from": 0, "points": list(self.points)}, {"type": "ready"})
    def listen(self, comm, _):
        answers = {"runs": lambda _: [self.state], "example": lambda asked: self.steps[asked["index"]],
                   "snapshot": lambda _: self.snapshot(self.fronts),
                   "pause": lambda _: self.change(status="paused"), "resume": lambda _: self.change(status="running")}
        def answer(asked):
            try: return {"ok": True, "result": answers[asked["type"]](asked)}
            except (IndexError, KeyError) as error: return {"ok": False, "error": f"this kernel cannot do that: {error}"}
        comm.on_msg(lambda said: comm.send({"request": (asked := said["content"]["data"])["request"], **answer(asked)}))
