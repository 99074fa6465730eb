import 'lora-harness/browser/worker'
