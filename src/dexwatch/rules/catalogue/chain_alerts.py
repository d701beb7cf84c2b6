"""The chain itself, block by block, and whether every block reaches the rules."""

from functools import partial

from dexwatch.metrics import chain
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import gained, latest_of
from dexwatch.metrics.scrape_class import CRITICAL, HIGH
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook, state_rule

chain_rule = partial(AlertRule, component=Component.CHAIN, scrape_class=CRITICAL)

ORACLE = chain.gas_price.where('source="oracle"')

HEAD_STALLED = chain_rule(
    id="ChainHeadStalled",
    severity=Severity.P1,
    alert_group="chain-head",
    group_priority=2,
    value=lambda _: f"max(timestamp({chain.head_received}) - {chain.head_received})",
    threshold=3,
    unit=Unit.SECONDS,
    for_seconds=10,
    keep_firing_seconds=60,
    why=(
        "Blocks come every 450 ms and three seconds are six of them. The age is taken at the moment"
        " of the scrape, so a slow scrape does not look like a stalled chain."
    ),
    summary="No new block has reached us for {value}; the threshold is {threshold}.",
    description="The chain stands still, or all our endpoints do.",
    runbook=Runbook(
        meaning="Nothing is settled, and we do not see what happens.",
        check=(
            "Ask a public explorer whether the chain moves.",
            "See which endpoints answer at all.",
        ),
        fix=(
            "If the chain moves: replace the endpoints.",
            "If it stands: stop taking orders and tell users.",
        ),
        escalate="Call the chain lead at once.",
    ),
    requirements=("A-CH-NODE", "M-NODE-SYNC"),
)
FINALITY = chain_rule(
    id="FinalityStalled",
    severity=Severity.P1,
    alert_group="chain-finality",
    value=latest_of(chain.finality_lag),
    threshold=15,
    unit=Unit.BLOCKS,
    for_seconds=15,
    why="Two or three are normal; fifteen for as many seconds mean that votes are missing.",
    summary="The newest final block is {value} behind the head; the threshold is {threshold}.",
    description="Blocks are made, but validators do not finalise them.",
    runbook=Runbook(
        meaning="What looks done can still be undone.",
        check=("See the validators' votes on a public explorer.", "Compare several endpoints."),
        fix=("Ask for more confirmations before crediting deposits.", "Pause large withdrawals."),
        escalate="Call the chain lead when it lasts for two minutes.",
    ),
    requirements=("A-CH-CONFIRM",),
)
MISSING = chain_rule(
    id="BlocksMissing",
    severity=Severity.P1,
    alert_group="chain-blocks",
    value=lambda p: f"max(min_over_time({chain.block_gaps_open}[{p.window(60, CRITICAL)}]))",
    threshold=5,
    unit=Unit.BLOCKS,
    for_seconds=15,
    why=(
        "One or two blocks are always on their way, and a gap is filled within seconds as long as a"
        " node has the block. The least of a minute tells what stays behind: a block that nobody"
        " can read holds up all that follow, so more than five wait after three seconds."
    ),
    summary="{value} that exist have not been evaluated; the threshold is {threshold}.",
    description="The least number of blocks that waited to be read during the last {1m}.",
    runbook=Runbook(
        meaning="What happened in these blocks is unknown to every rule.",
        check=("See the watch role's log for the block numbers and errors.", "Ask a node for one."),
        fix=("Add an endpoint that keeps older receipts.",),
        escalate="Call the chain lead if they stay missing for ten minutes.",
    ),
    requirements=("M-NODE-SYNC",),
)
CONSUMER_LAGGING = chain_rule(
    id="BlocksNotConsumed",
    severity=Severity.P1,
    alert_group="chain-consumer",
    value=lambda p: (
        f"max by (consumer) (min_over_time({chain.consumer_lag}[{p.window(60, CRITICAL)}]))"
    ),
    threshold=40,
    for_seconds=15,
    why=(
        "A consumer takes a block in a few milliseconds. The least of a minute tells what stays"
        " behind, also after a restart: forty are eighteen seconds of chain."
    ),
    summary="{{ $labels.consumer }} is {value} stored blocks behind; the threshold is {threshold}.",
    description="Blocks arrive and are stored, but metrics and rules do not keep up with them.",
    runbook=Runbook(
        meaning="Prices, volumes and contract alerts tell of a chain as it was a while ago.",
        check=(
            "Read the watch role's log: an error that comes again holds up all that follows.",
            "See whether processor or disk of the monitoring host is busy.",
        ),
        fix=("Restart the watch role: it goes on where it was.", "Give the host more processor."),
        escalate="Call the monitoring team when it still grows after ten minutes.",
    ),
    requirements=("M-NODE-SYNC",),
)
STORE_NOT_DURABLE = state_rule(
    id="BlockStoreNotDurable",
    severity=Severity.P2,
    component=Component.CHAIN,
    scrape_class=CRITICAL,
    alert_group="chain-store",
    value=latest_of(chain.block_store_durable),
    for_seconds=15,
    why="Once the disk has failed it stays so until the restart; there is nothing to wait for.",
    summary="Blocks are kept in memory only: the disk of the watch role failed.",
    description="Everything goes on, but a restart forgets where it was, and counters lose blocks.",
    runbook=Runbook(
        meaning="The next restart leaves a hole in what was counted.",
        check=("See whether the disk of dexwatch's folder is full or read-only.",),
        fix=("Free room or repair the disk, then restart the watch role.",),
        escalate="Tell the infrastructure team when the disk is at fault.",
    ),
    requirements=("M-NODE-SYNC",),
)
REORG = chain_rule(
    id="ReorgDeep",
    severity=Severity.P1,
    alert_group="chain-fork",
    value=gained(chain.reorgs.where('depth!~"1|2"'), seconds=300, scrape_class=CRITICAL),
    keep_firing_seconds=300,
    why="The event is over at once, so it is shown for as long as the window and the keeping.",
    summary="The chain was reorganised more than two blocks deep, {value} times in {5m}.",
    description="Blocks that we had seen were replaced by others, or the chain began anew.",
    runbook=Runbook(
        meaning="Trades that users saw as done may be undone.",
        check=("List our transactions in the dropped blocks.", "See whether they came in again."),
        fix=("Correct balances of what did not come in again.", "Ask for more confirmations."),
        escalate="Call the chain lead at once.",
    ),
    requirements=("A-CH-FORK", "M-FORK"),
)


def _gas(profile: EvaluationProfile) -> str:
    usual = f"quantile_over_time(0.5, {ORACLE}[{profile.window(86_400, HIGH)}])"
    return f"max({ORACLE} / {usual})"


GAS_HIGH = chain_rule(
    id="GasPriceHigh",
    severity=Severity.P2,
    alert_group="gas-price",
    scrape_class=HIGH,
    value=_gas,
    threshold=3,
    unit=Unit.MULTIPLE,
    for_seconds=60,
    why=(
        "The floor of the gas price has fallen sixtyfold over the years, so a fixed limit ages;"
        " three times the median of a day does not. One minute rules out a single odd block."
    ),
    summary=("Gas costs {value} its median of the last {1d}; the threshold is {threshold}."),
    description="The price that nodes suggest, against its median of the last {1d}.",
    runbook=Runbook(
        meaning="Trades cost more, and those sent at the old price hang.",
        check=("See block utilisation: is the chain full?", "See what our transactions pay."),
        fix=("Follow the suggested price.", "Put off transactions that can wait."),
        escalate="Tell the chain lead when confirmations slow down as well.",
    ),
    requirements=("A-CH-GAS",),
)

CHAIN_ALERTS = declared(AlertRule, globals())
