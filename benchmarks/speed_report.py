"""The tables and the figure of `speed.py`."""

import itertools
from functools import partial

import numpy as np

TICKS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5]
COLOURS = {
    "hand-written loop": "0.3",
    'sklstm "window"': "C0",
    'sklstm "series"': "C2",
    'sklstm "window", bfloat16': "C9",
    "skorch": "C1",
}


def table(title, header, rows):
    """Print columns: the first to the left, the others to the right."""
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    print(f"\n{title}")
    for line in lines:
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip(), flush=True)


def by(rows, key):
    """Group neighbours that have the same value."""
    return itertools.groupby(rows, key=lambda row: row[key])


def ratio_cells(row):
    return [
        f"{row['seconds']:.3f}",
        f"{row['ratio']:.3f}",
        f"{row['low']:.2f} to {row['high']:.2f}",
    ]


def report_ratios(title, rows, matmul=None):
    for name, group in by(rows, "problem"):
        lines = []
        for row in group:
            line = [row["row"], *ratio_cells(row)]
            if matmul:
                line += [f"{row['gflops']:.1f}", f"{row['gflops'] / matmul:.0%}"]
            lines.append(line)
        header = ["", "s", "ratio", "range"] + ["GFLOP/s", "share"] * bool(matmul)
        table(f"{title}: {name}", header, lines)


def report_error(rows):
    """Medians over seeds; a target that is not reached counts as infinite time."""
    for aim in dict.fromkeys(row["aim"] for row in rows):
        chosen = [row for row in rows if row["aim"] == aim]
        lines = []
        for name in dict.fromkeys(row["row"] for row in chosen):
            mine = [row for row in chosen if row["row"] == name]
            hand = [row for row in chosen if row["row"] == "hand-written loop"]
            faster = [
                h["seconds"] / m["seconds"] for h, m in zip(hand, mine, strict=True)
            ]
            reached = [row for row in mine if np.isfinite(row["seconds"])]
            medians = [
                np.median([row[key] for row in reached] or [np.nan])
                for key in ("epochs", "valid", "test")
            ]
            lines.append(
                [
                    name,
                    f"{np.median([row['seconds'] for row in mine]):.2f}",
                    f"{np.median(faster):.2f}",
                    f"{min(faster):.1f} to {max(faster):.1f}",
                    f"{len(reached)}/{len(mine)}",
                    f"{medians[0]:.0f}",
                    *(f"{value:.4f}" for value in medians[1:]),
                ]
            )
        header = ["", "s", "faster", "range", "reached", "epochs", "valid", "test"]
        table(f"ETTh1, seconds to the validation error: {aim}", header, lines)


def report_latency(rows):
    lines = [
        [
            row["row"],
            f"{row['ms']:.2f}",
            f"{row['import_ms']:.0f}" if "import_ms" in row else "",
        ]
        for row in rows
    ]
    table("10 samples, 1 epoch; predict 1", ["", "ms", "import ms"], lines)


def report_search(rows):
    lines = [[row["row"], f"{row['seconds']:.2f}"] for row in rows]
    table("Grid search, 24 fits", ["", "s"], lines)


def report_rows(rows):
    lines = []
    for row in rows:
        extra = row["peak_mb"] - row["base_mb"]
        lines.append(
            [
                f"{row['unroll']}, {row['rows']:,}",
                f"{row['seconds']:.2f}",
                f"{1e6 * row['seconds'] / row['rows']:.2f}",
                *(f"{row[key]:.0f}" for key in ("table_mb", "base_mb", "peak_mb")),
                f"{extra:.0f}",
            ]
        )
    header = ["L128 H16, rows", "s", "µs/row", "table MB", "without fit", "peak"]
    table("Memory and time by rows", [*header, "more"], lines)
    for unroll, group in by(rows, "unroll"):
        group = list(group)
        sizes = [row["table_mb"] for row in group]
        above = [row["peak_mb"] - row["base_mb"] for row in group]
        slope, fixed = np.polyfit(sizes, above, 1)
        print(f"  {unroll}: {fixed:.0f} MB + {slope:.1f} tables, beside the table")


def report_shares(rows):
    labels = [key for key in rows[0] if key not in ("row", "seconds")]
    total = ["ms an epoch", *(f"{1e3 * row['seconds']:.0f}" for row in rows)]
    lines = [
        [label, *(f"{row[label]:.1%}" for row in rows)]
        for label in sorted(labels, key=lambda label: -rows[0][label])
    ]
    table("Shares of L48 H32 B32", ["", *(row["row"] for row in rows)], [total, *lines])


def report_peers(parts):
    for peer, rows in by(parts["epochs"], "peer"):
        report_ratios(f"{peer}, by epoch", rows)
    lines = [
        [
            f"{row['peer']}: {row['row']}",
            row["aim"],
            f"{row['seconds']:.1f}",
            str(row["epochs"]),
            f"{row['target']:.4f}",
            f"{row['valid']:.4f}",
            f"{row['test']:.4f}",
        ]
        for row in parts["error"]
    ]
    header = ["", "aim", "s", "epochs", "target", "valid", "test"]
    table("Peers on ETTh1, seconds to an error of the hand-written loop", header, lines)


def report(name, result):
    """Print what belongs to one part."""
    part = result[name]
    rate = max(max(rates.values()) for rates in result["matmul"])
    if name in ("epochs", "ragged"):
        report_ratios("Seconds per epoch", part, rate)
    elif name == "predict":
        report_ratios("Prediction", part)
    elif name == "fits":
        report_latency(part["latency"])
        report_search(part["search"])
    elif name == "matmul":
        lines = [[size, *(f"{row[size]:.1f}" for row in part)] for size in part[0]]
        table("Matrix product, GFLOP/s", ["", "before", "after"], lines)
    else:
        single = {
            "error": report_error,
            "rows": report_rows,
            "shares": report_shares,
            "peers": report_peers,
        }
        single[name](part)


def draw_bars(axis, title, rows):
    """Draw ratios on a log scale, the slowest at the bottom, and their ranges."""
    rows = sorted(rows, key=lambda row: -row["ratio"])
    names, ratios = [row["row"] for row in rows], [row["ratio"] for row in rows]
    spread = [[abs(row["ratio"] - row[end]) for row in rows] for end in ("low", "high")]
    colours = [COLOURS.get(name, "0.75") for name in names]
    bars = axis.barh(names, ratios, color=colours, xerr=spread, error_kw={"lw": 0.8})
    axis.bar_label(bars, [f"{ratio:.2f}" for ratio in ratios], fontsize=7, padding=5)
    axis.axvline(1, color="k", lw=0.8)
    axis.set(xscale="log", xlim=(0.03, 10), title=title)
    axis.set_xticks(TICKS, TICKS)
    axis.minorticks_off()
    axis.tick_params(axis="y", labelsize=7)


def draw_shares(axis, rows):
    labels = sorted(set(rows[0]) - {"row", "seconds"}, key=rows[0].get)
    for i, row in enumerate(rows):
        places = [k + 0.2 - 0.4 * i for k in range(len(labels))]
        milliseconds = [1e3 * row["seconds"] * row[label] for label in labels]
        colour = "C0" if row["row"] == "sklstm" else "0.3"
        axis.barh(places, milliseconds, 0.38, color=colour, label=row["row"])
    axis.set_yticks(range(len(labels)), labels, fontsize=7)
    axis.set(xlabel="ms an epoch", title="where it goes: L48 H32 B32")
    axis.legend(fontsize=7)


def draw_rows(axis, rows):
    for unroll, group in by(rows, "unroll"):
        group = list(group)
        points = [[row["rows"] for row in group], [row["seconds"] for row in group]]
        axis.loglog(*points, "o-", label=f'unroll="{unroll}"')
    axis.minorticks_off()
    axis.set(xlabel="rows", ylabel="s", ylim=(0.03, 20), title="by rows: L128 H16")
    axis.legend(fontsize=7)


def draw(result, path):
    """Draw ratios by workload, shares, and seconds by rows, as far as measured."""
    import matplotlib.pyplot as plt

    bars = list(result.get("epochs", []))
    bars += [
        row
        for row in result.get("peers", {"epochs": []})["epochs"]
        if row["row"] != "hand-written loop"
    ]
    names = dict.fromkeys(row["problem"] for row in result.get("epochs", []))
    rows_by_name = {n: [row for row in bars if row["problem"] == n] for n in names}
    panels = [
        partial(draw_bars, title=n, rows=rows) for n, rows in rows_by_name.items()
    ]
    for key, function in [("shares", draw_shares), ("rows", draw_rows)]:
        if key in result:
            panels.append(partial(function, rows=result[key]))
    n_lines = -(-len(panels) // 2) or 1
    figure, axes = plt.subplots(n_lines, 2, figsize=(10, 3 * n_lines), squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        panel(axis)
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    if names:
        figure.suptitle("Bars: time of an epoch / hand-written loop in the same round")
    figure.tight_layout()
    figure.savefig(path, dpi=150)
