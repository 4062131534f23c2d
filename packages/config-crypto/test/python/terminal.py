"""Runs a program on a terminal of its own, types when it has said what is waited for, and prints all that the terminal showed.

usage: terminal.py WAIT_FOR TYPED PROGRAM ARGS...
"""

import os
import pty
import sys


def main(wait_for, typed, *command):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    shown = b""
    sent = False
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
        if not sent and wait_for.encode() in shown:
            sent = True
            os.write(terminal, typed.encode())
    os.waitpid(pid, 0)
    sys.stdout.buffer.write(shown)


main(*sys.argv[1:])
