"""Draw the charts of `docs/benchmarks.rst`.

They show what `benchmarks/results` holds, which is what the other scripts printed; the
tables of that page are made of the same files.
"""

import csv
from pathlib import Path

import matplotlib.pyplot as plt

OURS, PEER, BASE = "#f07d00", "#2f7fc1", "#7f7f7f"


def read(name):
    """Rows of a file of results."""
    path = Path(__file__).parent / "results" / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def number(cell):
    """Read a value, which may have its range behind it."""
    return float(cell.split()[0])


def bars(ax, cells, ours):
    """Draw a bar for each name, the lowest first, and a line at 1."""
    names = sorted(cells, key=lambda name: number(cells[name]))
    values = [number(cells[name]) for name in names]
    drawn = ax.barh(names, values, color=[OURS if n in ours else PEER for n in names])
    ax.bar_label(drawn, [cells[name].split()[0] for name in names], padding=3)
    ax.axvline(1, color="black", linewidth=1, linestyle=":")
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.spines[["top", "right"]].set_visible(False)


def forecasts():
    """Errors on real series, and on ETTh1 by how far ahead."""
    fig, (top, bottom) = plt.subplots(
        2, figsize=(6, 5.5), height_ratios=[2, 3], layout="constrained"
    )
    rows = [row for row in read("forecasts") if row["series"] == "27"]
    cells = {row["method"]: row["geometric mean"] for row in rows}
    bars(top, cells, {"AutoForecaster"})
    top.set_title("27 series, squared error: the best naive forecast is 1")

    rows = read("etth1")
    methods = {
        "naive": ("last value", BASE),
        "Ridge": ("Ridge", PEER),
        "LSTM": ("LSTM alone", "#f7be80"),
        "sklstm": ("AutoForecaster", OURS),
    }
    for column, (label, color) in methods.items():
        values = [number(row[column]) for row in rows]
        ahead = [row["ahead"] for row in rows]
        bottom.plot(ahead, values, marker="o", color=color, label=label)
    bottom.set(title="ETTh1: mean squared error", xlabel="hours ahead", ylim=0)
    bottom.spines[["top", "right"]].set_visible(False)
    bottom.legend(frameon=False)


def classification():
    """Accuracy on the problems that all of the methods take."""
    rows = [row for row in read("classification") if row["MiniRocket"] != "–"]
    problems = [row["problem"] for row in rows]
    fig, ax = plt.subplots(figsize=(6, 5.5), layout="constrained")
    for name, color in {"1-NN DTW": BASE, "MiniRocket": PEER, "LSTM": OURS}.items():
        values = [number(row[name]) for row in rows]
        ax.scatter(values, problems, s=45, color=color, label=name, zorder=2)
    ax.axhline(len(rows) - 1.5, color="black", linewidth=1)
    ax.invert_yaxis()
    ax.grid(axis="y", linewidth=0.6)
    ax.set_title("UCR archive: accuracy on the test part")
    ax.spines[["top", "right"]].set_visible(False)
    fig.legend(frameon=False, loc="outside lower center", ncols=3)


def speed():
    """Time of an epoch on ETTh1."""
    (row,) = (row for row in read("epochs") if row["workload"].startswith("ETTh1"))
    ours = {'"window"': "sklstm", '"series"': 'sklstm, unroll="series"'}
    peers = ["skorch", "JAX", "Keras/JAX", "Keras/TF", "darts", "neuralforecast"]
    fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    bars(ax, {ours.get(n, n): row[n] for n in [*ours, *peers]}, ours.values())
    ax.set_title("ETTh1, time of an epoch: a PyTorch loop is 1")


if __name__ == "__main__":
    forecasts()
    classification()
    speed()
    plt.show()
