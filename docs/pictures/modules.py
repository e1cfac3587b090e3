"""Draws docs/modules.svg: the modules of daemon-core by their imports. A module imports only modules below it.

With --check it only fails on a circle of imports.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "daemon-core/src"
TESTS = re.compile(r"#\[cfg\(test\)\]\s*mod \w+ \{.*", re.S)
# What is compiled only for tests, fuzzers or systems without a launch.
LEFT_OUT = {"lib", "fuzz", "unsupported"}
WIDTH, STEP, HEIGHT, MARGIN = 1120, 62, 26, 14


def modules():
    """Each module with the modules that it imports."""
    files = {}
    for path in sorted(SOURCE.rglob("*.rs")):
        name = path.relative_to(SOURCE).parts[0].removesuffix(".rs")
        if name not in LEFT_OUT and "tests" not in path.parts and path.stem != "tests":
            files.setdefault(name, []).append(TESTS.sub("", path.read_text()))
    imports = {}
    for name, texts in files.items():
        code = "\n".join(line for text in texts for line in text.splitlines() if not line.lstrip().startswith("//"))
        used = set(re.findall(r"crate::(\w+)", code))
        for group in re.findall(r"crate::\{([^}]*)\}", code):
            used |= set(re.findall(r"\b([a-z_]+)\b", group))
        imports[name] = {other for other in used if other in files and other != name}
    return imports


def layers(imports):
    """The longest way down from each module, and the modules of a circle."""
    depth, path = {}, []

    def visit(name):
        if name in path:
            sys.exit("a circle of imports: " + " → ".join(path[path.index(name):] + [name]))
        if name not in depth:
            path.append(name)
            depth[name] = 1 + max((visit(other) for other in imports[name]), default=-1)
            path.pop()
        return depth[name]

    for name in imports:
        visit(name)
    return depth


def reachable(imports, name):
    found, todo = set(), list(imports[name])
    while todo:
        other = todo.pop()
        if other not in found:
            found.add(other)
            todo += imports[other]
    return found


def draw(imports, depth):
    """Rows of boxes, the highest module on top; an import that follows from others has no line."""
    top = max(depth.values())
    rows = [sorted(name for name in depth if depth[name] == level) for level in range(top, -1, -1)]
    place = {}

    def spread(row):
        for index, name in enumerate(row):
            place[name] = WIDTH * (index + 0.5) / len(row)

    above = {name: [other for other in imports if name in imports[other]] for name in imports}
    for row in rows:
        spread(row)
    for _ in range(8):
        for row in rows[1:]:
            row.sort(key=lambda name: sum(place[other] for other in above[name]) / max(1, len(above[name])))
            spread(row)
    height = STEP * len(rows) + MARGIN
    y = {name: MARGIN + STEP * (top - depth[name]) for name in depth}
    lines, boxes = [], []
    for name, used in imports.items():
        for other in used:
            if not any(other in reachable(imports, between) for between in used - {other}):
                lines.append(f'<path d="M{place[name]:.0f} {y[name] + HEIGHT}L{place[other]:.0f} {y[other]}"/>')
        width = 8.2 * len(name) + 16
        boxes.append(f'<rect x="{place[name] - width / 2:.0f}" y="{y[name]}" width="{width:.0f}" height="{HEIGHT}" rx="4"/>'
                     f'<text x="{place[name]:.0f}" y="{y[name] + 18}">{name}</text>')
    body = "\n    ".join(sorted(lines)), "\n    ".join(sorted(boxes))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="The modules of daemon-core by their imports; each module imports only modules below it.">
  <rect width="{WIDTH}" height="{height}" fill="#ffffff"/>
  <g stroke="#90a4b4" fill="none">
    {body[0]}
  </g>
  <g font-family="monospace" font-size="13" text-anchor="middle">
    <style>rect[rx] {{ fill: #e8f1f8; stroke: #3e6ea5 }}</style>
    {body[1]}
  </g>
</svg>
"""


def main():
    imports = modules()
    depth = layers(imports)
    if "--check" not in sys.argv:
        (ROOT / "docs/modules.svg").write_text(draw(imports, depth))


if __name__ == "__main__":
    main()
