/** Schemas are walked, never compiled into functions: a page may forbid that, and nothing of a notebook should come near. */
import { z } from 'zod'

z.config({ jitless: true })
