"""Jupyter's own test of kernels, on ours: python conformance.py. JUPYTER_PATH says where it is installed."""

import unittest

import jupyter_kernel_test


class LoRAHarness(jupyter_kernel_test.KernelTests):
    kernel_name = "lora-harness"
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('oops')"
    completion_samples = [
        {"text": "Math.flo", "matches": {"floor"}},
        {"text": "process.stdou", "matches": {"stdout"}},
    ]
    complete_code_samples = ["1", "const a = 1", "function f(x: number) {\n  return x\n}", "await f(1)"]
    incomplete_code_samples = ["function f() {", "const x = [1,", "if (true) {"]
    invalid_code_samples = ["const = 1", "let 1a = 2"]
    code_generate_error = "throw new Error('on purpose')"
    code_execute_result = [
        {"code": "1 + 2", "result": "3"},
        {"code": "'a' + 'b'", "result": "'ab'"},
        {"code": "await Promise.resolve([1, 2])", "result": "[ 1, 2 ]"},
        {"code": "2 ** 3", "result": "8"},
    ]
    code_display_data = [
        {"code": "await show({ 'text/html': '<b>bold</b>' })", "mime": "text/html"},
        {"code": "await show({ 'image/svg+xml': '<svg/>', 'text/plain': 's' })", "mime": "image/svg+xml"},
    ]
    code_history_pattern = "1*+*2"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "parseInt"
    code_clear_output = "await clearOutput()"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # What the cells of display and clear_output use.
        setup = (
            "import { transport } from 'lora-harness-kernel'\n"
            "const show = (bundle: Record<string, unknown>) => transport().display(bundle)\n"
            "const clearOutput = () => transport().clearOutput()\n"
        )
        cls.kc.execute_interactive(setup, timeout=120, store_history=False)

    def execute_helper(self, *args, **kwargs):
        # The helper gives each message a tenth of a second, which on a busy machine is chance.
        get_msg = self.kc.iopub_channel.get_msg
        self.kc.iopub_channel.get_msg = lambda timeout: get_msg(timeout=60)
        try:
            return super().execute_helper(*args, timeout=60, **kwargs)
        finally:
            self.kc.iopub_channel.get_msg = get_msg


class Welcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = "lora-harness"
    support_iopub_welcome = True


if __name__ == "__main__":
    unittest.main(verbosity=2)
