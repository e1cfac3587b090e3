"""Records docs/session.svg: a shell on a pseudo-terminal runs the examples, and the picture shows what the terminal showed."""

import os
import pty
import re
import subprocess
import tempfile
import time
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = ROOT / "target/debug/examples"
HOME = "/home/you"
COMMANDS = [
    "hello -d",
    "hello -d",
    "kill $(cat hello.pid)",
    "result -d missing.txt",
    "echo $?",
    "clock -d",
    "clock -s status",
    "clock -s stop",
]
END = b"\0"  # what the shell writes after each command
COLUMNS, FONT, LINE, PAUSE = 116, 13, 19, 1.2  # PAUSE: seconds for typing and reading a command


def record(directory):
    """Runs the commands in one shell. Returns (seconds since the start, line) for each line of the terminal."""
    master, terminal = pty.openpty()
    environment = {"PATH": f"{EXAMPLES}:/usr/bin:/bin", "HOME": directory, "TERM": "xterm", "PS1": ""}
    shell = subprocess.Popen(["sh"], cwd=directory, env=environment, stdin=subprocess.PIPE, stdout=terminal, stderr=terminal)
    os.close(terminal)
    lines, clock = [], 0.0
    for command in COMMANDS:
        lines.append((clock, f"$ {command}"))
        begin, shown = time.monotonic(), b""
        shell.stdin.write(f"{command}\nstatus=$?; printf '\\0'; (exit $status)\n".encode())
        shell.stdin.flush()
        while not shown.endswith(END):
            shown += os.read(master, 4096)
        clock += time.monotonic() - begin + 0.3
        text = shown.removesuffix(END).decode().replace(str(directory), HOME)
        lines += [(clock, line) for line in text.splitlines()]
        clock += PAUSE
    shell.stdin.close()
    shell.wait()
    return lines, clock


def wrapped(lines):
    for seconds, line in lines:
        for start in range(0, max(1, len(line)), COLUMNS):
            yield seconds, line[start : start + COLUMNS]


def draw(lines, length):
    """Each line appears at its time. A viewer that does not animate shows the whole session."""
    total, rows = length + 5, list(wrapped(lines))
    width, height = 20 + COLUMNS * 0.602 * FONT, 44 + LINE * len(rows)
    shown = []
    for number, (seconds, line) in enumerate(rows):
        color = "#ffffff" if line.startswith("$ ") else "#b9c7d0"
        appears = f'<animate attributeName="opacity" values="0;1;1" keyTimes="0;{seconds / total:.3f};1" calcMode="discrete" dur="{total:.1f}s" repeatCount="indefinite"/>'
        shown.append(f'<text x="12" y="{46 + LINE * number}" fill="{color}" xml:space="preserve">{appears}{escape(line)}</text>')
    body = "\n  ".join(shown)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" font-family="monospace" font-size="{FONT}" role="img" aria-label="A recorded terminal session: a start in the background, a second start that is refused, and a start that fails with its reason.">
  <rect width="{width:.0f}" height="{height}" rx="6" fill="#1d2730"/>
  <circle cx="16" cy="15" r="5" fill="#e06c5f"/><circle cx="34" cy="15" r="5" fill="#e0b45f"/><circle cx="52" cy="15" r="5" fill="#67b36a"/>
  {body}
</svg>
"""


def main():
    with tempfile.TemporaryDirectory() as directory:
        lines, length = record(os.path.realpath(directory))
    # The picture is the same after each run.
    lines = [(seconds, re.sub(r"(pid|process) \d+", r"\1 4242", line)) for seconds, line in lines]
    (ROOT / "docs/session.svg").write_text(draw(lines, length))


if __name__ == "__main__":
    main()
