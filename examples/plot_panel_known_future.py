"""
Forecast many series with known future: sales and promotions
============================================================

One LSTM forecasts the sales of six shops, two weeks ahead, and reads the promotions
planned for these days. A backtest compares forecasts with and without the plan, and a
second forecast shows the expected sales without a promotion.
"""

# %%
# A table of many series
# ----------------------
# The table has a row for each shop and day. The data are generated: weekdays, a slow
# drift, and promotions of some days, which raise sales by 60 %. On the day after a
# promotion sales are 30 % lower, because customers have stocked up.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from sklstm import LSTMRegressor, SequenceWindower, make_supervised
from sklstm.forecasting import (
    ForecastDisplay,
    NaiveRegressor,
    PanelTimeSeriesSplit,
    forecast,
)

rng = np.random.default_rng(0)
days = pd.date_range("2025-01-01", periods=500)
weekday = np.array([0.9, 0.9, 0.95, 1.0, 1.1, 1.3, 0.85])[days.day_of_week]
tables = []
for shop in "ABCDEF":
    begins = rng.random(len(days)) < 0.06
    promo = begins | np.roll(begins, 1)
    after = np.roll(promo, 1) & ~promo
    drift = np.exp(rng.normal(0, 0.01, len(days)).cumsum())
    mean = rng.uniform(60, 140) * drift * weekday * (1 + 0.6 * promo - 0.3 * after)
    table = {"shop": shop, "day": days, "promo": 1.0 * promo, "sold": rng.poisson(mean)}
    tables.append(pd.DataFrame(table))
sales = pd.concat(tables, ignore_index=True)
print(sales.head(3).to_string(index=False))

# %%
# Features with known future values
# ---------------------------------
# With `known`, each history has the values of the column `promo` in the 14 days to be
# forecast. A second set of histories does not have these features.

horizon = 14
about = {"target": "sold", "group": "shop", "time": "day"}
X, y = make_supervised(sales, horizon, known=["promo"], **about)
X_blind, _ = make_supervised(sales, horizon, **about)
print("with the plan:", len(X.feature_names), "features,", X.feature_names[:4])
print("without:", len(X_blind.feature_names), "features,", X_blind.feature_names)

# %%
# Backtest on the same days in all shops
# --------------------------------------
# `PanelTimeSeriesSplit` splits all series at the same day. The models are fitted twice,
# and tested on the next 60 days.

net = LSTMRegressor(hidden_size=32, unroll="series", max_epochs=15, random_state=0)
lstm = make_pipeline(SequenceWindower(28), net)
ridge = RidgeCV(np.logspace(-1, 4, 6))
linear = make_pipeline(SequenceWindower(28, flatten=True), ridge)
models = {
    "a week ago": (NaiveRegressor(period=7), X_blind),
    "Ridge without the plan": (linear, X_blind),
    "LSTM without the plan": (lstm, X_blind),
    "Ridge with the plan": (linear, X),
    "LSTM with the plan": (lstm, X),
}
folds = PanelTimeSeriesSplit(n_splits=2, test_size=60, gap=horizon)
how = {"cv": folds, "scoring": "neg_mean_absolute_error"}
print("mean absolute error, in pieces sold a day")
for name, (model, histories) in models.items():
    print(f"{name:23}{-cross_val_score(model, histories, y, **how).mean():6.1f}")

# %%
# The plan reduces the error by a third. There is no difference between the LSTM and the
# linear model here: the choice of features matters more than the choice of the model.
#
# Forecast with and without promotions
# ------------------------------------
# The last two weeks are held out and forecast. `future` holds the promotions planned
# for these days. (:func:`~sklstm.forecasting.add_future` makes such histories for all
# rows.) A plan without promotions gives the expected sales without them. This effect
# can be trusted here because the promotions were drawn at random.

is_last = sales["day"] > days[-1 - horizon]
past, last = sales[~is_last], sales[is_last]
lstm.fit(*make_supervised(past, horizon, known=["promo"], **about))
plan = last.drop(columns="sold")
none = forecast(lstm, past, future=plan.assign(promo=0.0))

shop = last.groupby("shop")["promo"].sum().idxmax()  # the one with most promotions
fig, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
ForecastDisplay.from_estimator(
    lstm, past, future=plan, actual=last, series=shop, n_history=21, ax=ax
)
without = none[none["shop"] == shop]
ax.plot(without["day"], without["sold"], "k:", label="without promotion")
for k, day in enumerate(plan.loc[(plan["shop"] == shop) & (plan["promo"] == 1), "day"]):
    half = pd.Timedelta("12h")
    label = "" if k else "promotion"
    ax.axvspan(day - half, day + half, color="tab:blue", alpha=0.15, lw=0, label=label)
ax.set(xlabel=f"day, shop {shop}", ylabel="sold (pieces a day)")
ax.get_legend().remove()
fig.legend(loc="outside upper center", ncols=3)
plt.show()
