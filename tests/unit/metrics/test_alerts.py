"""An alert needs time to begin and to end, and is told once each."""

from rl_cluster.metrics.alerts import RULES, WINDOW, Alerts
from rl_cluster.metrics.names import CATALOGUE

KEY = "balance/runner_imbalance"


def test_rules__are_of_metrics_that_exist() -> None:
    assert {rule.key for rule in RULES} <= CATALOGUE.keys()


def test_alert__is_raised_by_the_median_and_told_once() -> None:
    alerts = Alerts()
    quiet = [alerts.note({KEY: value}) for value in (0.0, 9.0, 9.0, 0.0, 0.0)]
    assert quiet == [[]] * 5
    told = [alerts.note({KEY: 0.4}) for _ in range(2 * WINDOW)]

    assert sum(map(len, told)) == 1
    assert next(events for events in told if events)[0].words.startswith(f"alert: {KEY} is 0.4, above 0.3; ")
    assert alerts.active == {KEY}
    over = [alerts.note({KEY: 0.0}) for _ in range(WINDOW)]
    assert [event.words for events in over for event in events] == [f"alert over: {KEY} is 0"]
    assert alerts.active == set()


def test_alert__of_a_floor_is_raised_from_above() -> None:
    alerts = Alerts()
    told = [alerts.note({"gpu/busy_share_mean": 0.1}) for _ in range(WINDOW)]

    assert told[-1][0].words.startswith("alert: gpu/busy_share_mean is 0.1, below 0.4; ")


def test_alert__is_silent_about_what_is_not_measured() -> None:
    assert Alerts().note({}) == []
