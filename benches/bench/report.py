"""Markdown tables, bars as SVG, and their place in a page."""

import re
import statistics


def median(sample):
    sample = [value for value in sample if value is not None]
    return statistics.median(sample) if sample else None


def percentile(sample, percent):
    sample = sorted(value for value in sample if value is not None)
    return sample[min(len(sample) - 1, len(sample) * percent // 100)] if sample else None


def micros(nanoseconds):
    return "-" if nanoseconds is None else f"{nanoseconds / 1000:.0f}"


def spread(sample):
    """Median, p10 and p90 in microseconds,."""
    return [micros(median(sample)), micros(percentile(sample, 10)), micros(percentile(sample, 90))]


def ratio(value, base):
    return "-" if value is None or not base else f"{value / base:.2f}"


def table(headings, rows):
    """A heading that ends with a colon makes a column that is aligned to the right."""
    right = [heading.endswith(":") for heading in headings]
    rows = [[heading.rstrip(":") for heading in headings]] + [[str(cell) for cell in row] for row in rows]
    rows = [row + [""] * (len(headings) - len(row)) for row in rows]
    widths = [max(3, *(len(row[column]) for row in rows)) for column in range(len(headings))]

    def line(cells):
        return (
            "| "
            + " | ".join(
                cell.rjust(width) if is_right else cell.ljust(width)
                for cell, width, is_right in zip(cells, widths, right)
            )
            + " |"
        )

    rule = (
        "| "
        + " | ".join("-" * (width - 1) + (":" if is_right else "-") for width, is_right in zip(widths, right))
        + " |"
    )
    return "\n".join([line(rows[0]), rule] + [line(row) for row in rows[1:]])


def write_section(page, name, text):
    """Replaces what stands between `<!-- name -->` and `<!-- end -->`."""
    content = page.read_text()
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.S)
    if not pattern.search(content):
        raise SystemExit(f"{page} has no section {name}")
    page.write_text(pattern.sub(lambda match: match[1] + text.rstrip() + "\n" + match[2], content))


def read_section(page, name):
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- end -->", page.read_text(), re.S)
    return found[1] if found else ""


def bars(groups, limit):
    """Horizontal bars: groups are (title, [(name, microseconds, is_own)]); longer bars than `limit` are cut."""
    left, width, step, lines, y = 184, 470, 20, [], 10
    for title, rows in groups:
        y += 22
        lines.append(f'<text x="8" y="{y}" font-weight="bold">{title}</text>')
        for name, value, is_own in rows:
            y += step
            length = min(value, limit) / limit * width
            color = "#2f855a" if is_own else "#90a4b4"
            lines.append(f'<text x="{left - 8}" y="{y}" text-anchor="end">{name.replace("&", "&amp;")}</text>')
            lines.append(f'<rect x="{left}" y="{y - 12}" width="{length:.0f}" height="15" fill="{color}"/>')
            cut = " →" if value > limit else ""
            lines.append(f'<text x="{left + length + 6:.0f}" y="{y}">{value:.0f} µs{cut}</text>')
        y += 8
    body = "\n  ".join(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {y + 14}" width="760" height="{y + 14}" '
        f'font-family="sans-serif" font-size="13" fill="#1f2933" role="img" aria-label="Start to prompt, in microseconds">\n'
        f'  <rect width="760" height="{y + 14}" fill="#ffffff"/>\n  {body}\n</svg>\n'
    )
