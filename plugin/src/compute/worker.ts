/** The worker's script, bundled by itself: see the plugin's build. */
import 'lora-harness/browser/worker'
