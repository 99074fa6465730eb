"""Runs docs/python_run.py in a Python kernel and follows it: prints what is told and answered, a line of JSON each."""

import json
import sys
import time
import uuid

from jupyter_client.manager import KernelManager

manager = KernelManager()
manager.kernel_cmd = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
manager.start_kernel()
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=120)
    names = {}

    def send(kind, content):
        message = client.session.msg(kind, content)
        client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def until_idle(parent):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            message = client.get_iopub_msg(timeout=120)
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "error":
                sys.exit("\n".join(content["traceback"]))
            if kind == "comm_open":
                print(json.dumps({"opened": content["target_name"]}))
            if kind == "comm_msg" and content["comm_id"] in names:
                print(json.dumps({names[content["comm_id"]]: content["data"]}))
            if kind == "status" and content["execution_state"] == "idle" and message["parent_header"]["msg_id"] == parent:
                return
        sys.exit("the kernel did not become idle")

    def cell(code):
        until_idle(client.execute(code))

    cell(f"import sys; sys.path.insert(0, {sys.argv[1]!r}); from python_run import Run; run = Run('mine', total=4)")
    cell("for i in range(2): run.wait(); run.step(f'{i}?', str(i), {'exact': 1.0}, outcome='updated', losses=[2, 1.5])")
    for name in ("events", "control"):
        comm = uuid.uuid4().hex
        names[comm] = name
        until_idle(send("comm_open", {"comm_id": comm, "target_name": f"lora-harness.{name}.v1", "data": {"client": "test"}}))
    cell("run.step('2?', 'no', {'exact': 0.0})")
    asked = [{"type": "runs"}, {"type": "pause"}, {"type": "resume"}, {"type": "example", "branch": "main", "index": 2}]
    asked += [{"type": "snapshot", "runId": "another"}, {"type": "rewind", "at": 1}]
    for number, request in enumerate(asked):
        data = {"request": number, "id": "mine", **request}
        until_idle(send("comm_msg", {"comm_id": comm, "data": data}))
    cell("run.change(status='finished')")
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
