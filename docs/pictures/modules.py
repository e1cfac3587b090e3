"""Draws docs/modules.svg: the modules of daemon-core by their imports. A module imports only modules below it.

With --check it only fails on a circle of imports, between modules or between files. A file imports another
if it names an item that is defined there; what stands between them and only passes the name on does not count.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "daemon-core/src"
TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+ \{.*", re.S)
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


ITEM = re.compile(r"^(?:pub(?:\([^)]*\))? )?(?:default |async |const |unsafe |extern \"C\" )*"
                  r"(?:fn|struct|enum|trait|type|static|const|union) (?:mut )?(\w+)", re.M)
USE = re.compile(r"^ *(pub(?:\([^)]*\))? )?use ([^;]+);", re.M)
PATH = re.compile(r"\b(?:\w+::)+\w+")


def leaves(tree):
    """`a::{b, c::{d, e as f}}` as the paths a::b, a::c::d and a::c::e, each with its name here."""
    tree = tree.strip()
    start = tree.find("{")
    if start < 0:
        path, _, name = tree.partition(" as ")
        path = path.strip().removesuffix("::self")
        return [(path.split("::"), (name or path.split("::")[-1]).strip())]
    head, depth, parts, last = tree[:start], 0, [], start + 1
    for at, character in enumerate(tree[start:], start):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if (character == "," and depth == 1) or depth == 0:
            parts.append(tree[last:at])
            last = at + 1
    return [leaf for part in parts if part.strip() for leaf in leaves(head + part.strip())]


def sources(twin):
    """The files of one kind of system by their module paths, where `linux` and `unix` are both `platform`."""
    left_out = {"linux": "unix", "unix": "linux"}[twin]
    found = {}
    for path in sorted(SOURCE.rglob("*.rs")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if left_out in parts or parts[0] in LEFT_OUT or parts[-1] == "tests" or "tests" in parts:
            continue
        parts = tuple("platform" if part == twin else part for part in parts if part != "mod")
        text = TESTS.sub("", path.read_text())
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("//")]
        code = re.sub(r"pub\(in [^)]*\)", "pub", "\n".join(lines))
        if re.search(r"^mod \w+ \{", code, re.M):
            code = re.sub(r"^( +use )super::", r"\1self::", code, flags=re.M)
        found[parts] = code
    return found


def file_imports(files):
    """Each file with the files that define what it names."""
    items = {module: set(ITEM.findall(code)) for module, code in files.items()}
    uses = {module: [leaf for use in USE.findall(code) for leaf in leaves(use[1])] for module, code in files.items()}
    kept = {module: {leaf[1] for public, tree in USE.findall(code) if not public for leaf in leaves(tree)}
            for module, code in files.items()}

    def absolute(module, path):
        if path[0] == "crate":
            return tuple(path[1:])
        at = module
        while path and path[0] in ("self", "super"):
            at = at[:-1] if path[0] == "super" else at
            path = path[1:]
        if path and at == module and path[0] not in items[at]:
            for target, name in uses[module]:
                if name == path[0] and target[0] in ("crate", "self", "super"):
                    return absolute(module, target) + tuple(path[1:])
        return at + tuple(path)

    def home(path, seen=()):
        """The file that defines the item with this path, through the files that pass it on."""
        for end in range(len(path), 0, -1):
            module, rest = path[:end], path[end:]
            if module not in files:
                continue
            if not rest or rest[0] in items[module]:
                return module
            for target, name in uses[module]:
                if name == rest[0] and (module, name) not in seen:
                    further = absolute(module, target) + tuple(rest[1:])
                    return home(further, (*seen, (module, name)))
            return module if end > 1 or rest[0].islower() else None
        return None

    imports = {}
    for module, code in files.items():
        body = USE.sub("", code)
        used = {tuple(path.split("::")) for path in PATH.findall(body)}
        for path, name in uses[module]:
            if name in kept[module] or re.search(rf"\b{re.escape(name)}\b", body):
                used.add(tuple(path))
        homes = {home(absolute(module, list(path))) for path in used if path[0] != "std"}
        imports[module] = homes - {module, None}
    return {"::".join(module): {"::".join(other) for other in others} for module, others in imports.items()}


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
    for twin in ("linux", "unix"):
        layers(file_imports(sources(twin)))
    if "--check" not in sys.argv:
        (ROOT / "docs/modules.svg").write_text(draw(imports, depth))


if __name__ == "__main__":
    main()
