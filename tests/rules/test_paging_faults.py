"""What once paged for nothing, or hid a fault, judged by promtool at true intervals."""

import pytest

from dexwatch.rules.registry import ALERTS
from tests.fakes import promtool

RULES = {rule.id: rule for rule in ALERTS}
PROBE = 'probe_success{class="api",instance="x",job="probe"}'


def judged(folder, rule, series, firing, **more):
    path = promtool.judge(RULES[rule], folder, series=series, firing=firing, **more)
    result = promtool.run([path])
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("failed", "fires"), [(1, 0), (2, 0), (3, 1)])
def test_the_promise_is_broken_by_the_third_failed_look(tmp_path, failed, fires):
    probe = f"1*600 0*{5 * failed} 1*600"
    series = {PROBE: probe, 'pg_up{job="postgres",instance="db"}': "1*1300"}
    judged(tmp_path, "SystemAvailabilityLow", series, {599: 0, 604 + 5 * failed: fires})


@pytest.mark.parametrize(
    ("rule", "series"),
    [
        ("RedisDown", 'redis_up{instance="cache",job="redis"}'),
        ("DatabaseDown", 'pg_up{instance="db",job="postgres"}'),
        ("LoadBalancerDown", 'nginx_up{instance="edge",job="nginx"}'),
        ("LoadBalancerDown", 'probe_success{class="lb",instance="edge",job="probe"}'),
    ],
)
def test_one_failed_look_pages_nobody_and_the_second_does_at_once(tmp_path, rule, series):
    restarts = "1*300 0*5 1*295 0*5 1*295"
    judged(tmp_path, rule, {series: restarts}, {304: 0, 309: 0, 604: 0, 610: 0})
    # Two samples in a row, and what is lost afterwards does not look like recovery.
    down = "1*300 0*10 _*60 1*600"
    judged(tmp_path, rule, {series: down}, {304: 0, 307: 1, 360: 1, 900: 0})


def test_the_usual_latency_is_known_although_the_night_was_idle(tmp_path):
    labels = 'http_request_method="GET",http_response_status_code="200",http_route="/q",service="a"'
    name = "http_server_request_duration_seconds"
    # Two hours of traffic at 0.1 s, thirteen hours without any, then traffic at 2.5 s.
    buckets = {le: f"0+15x480 7200x3120 7200+{gain}x80" for le, gain in LATE.items()}
    series = {f'{name}_bucket{{{labels},le="{le}"}}': text for le, text in buckets.items()}
    series[f"{name}_count{{{labels}}}"] = buckets["+Inf"]
    begins = (481 + 3121) * 15
    judged(tmp_path, "ApiLatencyAboveBaseline", series, {begins - 15: 0, begins + 900: 1})


LATE = {"0.1": 0, "0.25": 0, "0.5": 0, "1": 0, "2.5": 15, "5": 15, "+Inf": 15}


def test_a_disk_that_turned_read_only_is_told_until_it_can_be_written(tmp_path):
    disk = (
        'node_filesystem_readonly{host="h",instance="h",job="node",'
        'device="/dev/vda",fstype="ext4",mountpoint="%s"}'
    )
    hour = 3600
    series = {
        disk % "/": f"0*{2 * hour} 1*{40 * hour} 0*{2 * hour}",
        # What is mounted so by intention has never been otherwise.
        disk % "/mnt": f"1*{44 * hour}",
    }
    moments = {hour: 0, 3 * hour: 1, 25 * hour: 1, 30 * hour: 1, 41 * hour: 1, 43 * hour: 0}
    judged(tmp_path, "FilesystemReadOnly", series, moments)


@pytest.mark.parametrize(
    ("dropped", "moments"),
    [
        # Until it knows Alertmanager it drops what fires, which is sent again: nothing is lost.
        ("0*600 5*600", {630: 0, 690: 0, 780: 0, 1000: 0}),
        ("0*600 5*30 8*570", {630: 0, 690: 0, 780: 0, 1000: 0}),
        # What is dropped later is told, once it is sure that the start is over.
        ("0*600 5*90 7*510", {690: 0, 810: 1, 1190: 0}),
        ("0*600 5*300 6*300", {870: 0, 930: 1}),
    ],
)
def test_what_prometheus_drops_before_it_knows_alertmanager_pages_nobody(
    tmp_path, dropped, moments
):
    labels = '{instance="prometheus",job="prometheus"}'
    series = {
        f"prometheus_notifications_dropped_total{labels}": dropped,
        f"process_start_time_seconds{labels}": "-9000*600 595*600",
    }
    judged(tmp_path, "PrometheusAlertsDropped", series, moments)


@pytest.mark.parametrize(
    ("after", "moments"),
    [
        # Trade is as it was; only what we know of it has a gap of half an hour.
        (1500, {600: 0, 1700: 0, 1900: 0, 2400: 0, 3600: 0}),
        # Trade has stopped meanwhile: that is told once the window is full again.
        (150, {600: 0, 1700: 0, 1900: 0, 2400: 0, 3600: 1}),
    ],
)
def test_volume_is_not_judged_over_a_gap_in_what_is_known_of_it(tmp_path, after, moments):
    series = {
        'dex_volume_usd_total{pool="A"}': f"0+1500x959 stale _x119 0+{after}x239",
        'dex_swaps_total{pool="A"}': f"0+15x959 stale _x119 0+{after / 100:g}x239",
    }
    gap = 960 * 15
    judged(tmp_path, "TradingVolumeDrop", series, {gap + at: n for at, n in moments.items()})
