"""Runs a command on a terminal of its own, as a shell would: terminal.py COMMAND ARGUMENT…

What comes on stdin is typed, what the terminal shows goes to stdout. A job that is stopped (Ctrl-Z) is told to go on.
Each time, and at the end, a line says whether the terminal was left as it had been.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios

terminal, theirs = pty.openpty()
fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
before = termios.tcgetattr(theirs)


def say(what):
    same = termios.tcgetattr(theirs) == before
    os.write(1, f"\n{what}, terminal {'as before' if same else 'left changed'}\n".encode())


# The terminal belongs to a session of its own: a leader that waits, as a shell does, and the job.
leader = os.fork()
if leader == 0:
    os.close(terminal)  # Held by one process only, so that its end hangs up.
    os.setsid()
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    job = os.fork()
    if job == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(theirs, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        for fd in (0, 1, 2):
            os.dup2(theirs, fd)
        os.execvp(sys.argv[1], sys.argv[1:])
    while True:
        _, status = os.waitpid(job, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        say("stopped")
        os.killpg(job, signal.SIGCONT)
    say(f"exit {os.waitstatus_to_exitcode(status)}")
    os._exit(0)

typing = True
while True:
    ready, _, _ = select.select([terminal, *([0] if typing else [])], [], [], 0.05)
    if 0 in ready:
        keys = os.read(0, 1024)
        typing = len(keys) > 0
        os.write(terminal, keys)
    if terminal in ready:
        os.write(1, os.read(terminal, 65536))
    elif os.waitpid(leader, os.WNOHANG)[0]:
        break
