"""The chain and the nodes that we see it through."""

from dexwatch.metrics import chain
from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.promql import latest
from dexwatch.metrics.scrape_class import CRITICAL, HIGH, STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook

ORACLE = chain.gas_price.where('source="oracle"')

NODE = Runbook(
    meaning="We see the chain with fewer eyes; with none left, we are blind.",
    check=(
        "Ask the node for its block number yourself.",
        "See whether the provider reports trouble, or our quota is used up.",
        "See on Blockchain whether the other endpoints are well.",
    ),
    fix=(
        "Restart our own node, or let it catch up.",
        "Replace the endpoint in dexwatch.yml and reload.",
    ),
    escalate="Call the chain lead when only one healthy endpoint is left.",
)

UNREACHABLE = AlertRule(
    id="NodeUnreachable",
    severity=Severity.P1,
    component=Component.CHAIN,
    team="chain",
    alert_group="chain-node",
    group_priority=3,
    scrape_class=CRITICAL,
    value=lambda p: f"max by (endpoint) ({latest(p, str(chain.endpoint_up))})",
    operator="<",
    threshold=1,
    unit=Unit.BOOLEAN,
    for_seconds=15,
    keep_firing_seconds=120,
    why="Three failed looks; a single time-out of a public endpoint is daily life.",
    summary="The node {{ $labels.endpoint }} does not answer.",
    description="The endpoint fails our head query.",
    runbook=NODE,
    requirements=("A-CH-NODE",),
)
LAGGING = AlertRule(
    id="NodeLagging",
    severity=Severity.P2,
    component=Component.CHAIN,
    team="chain",
    alert_group="chain-node",
    group_priority=2,
    scrape_class=CRITICAL,
    value=lambda p: f"max by (endpoint) ({latest(p, str(chain.endpoint_lag))})",
    operator=">",
    threshold=10,
    unit=Unit.BLOCKS,
    for_seconds=30,
    keep_firing_seconds=120,
    why="Ten blocks are four and a half seconds; for half a minute that is more than a late push.",
    summary="The node {{ $labels.endpoint }} is {value} behind the best; the limit is {threshold}.",
    description="Another endpoint knows newer blocks: this one does not keep in sync.",
    runbook=NODE,
    requirements=("A-CH-NODE",),
)
PEERS_LOW = AlertRule(
    id="NodePeersLow",
    severity=Severity.P2,
    component=Component.CHAIN,
    team="chain",
    alert_group="chain-node",
    group_priority=1,
    value=lambda p: (
        f"max by (endpoint) ({latest(p, str(chain.endpoint_peers), scrape_class=STANDARD)})"
    ),
    operator="<",
    threshold=5,
    unit=Unit.COUNT,
    for_seconds=120,
    keep_firing_seconds=180,
    why="A restarted node needs a minute to find its peers.",
    summary="The node {{ $labels.endpoint }} has {value} peers; the limit is {threshold}.",
    description="With few peers blocks come late, or from one side only.",
    runbook=NODE,
    requirements=("A-CH-NODE",),
)
DISAGREE = AlertRule(
    id="NodesDisagree",
    severity=Severity.P1,
    component=Component.CHAIN,
    team="chain",
    alert_group="chain-truth",
    scrape_class=CRITICAL,
    value=lambda p: (
        f"sum by (endpoint) (increase({chain.endpoint_divergences}[{p.window(300, CRITICAL)}]))"
        # One refused reorganisation of an endpoint is as telling as ten other hashes.
        f" + 10 * sum by (endpoint) (increase({chain.reorgs_refused}[{p.window(300, CRITICAL)}]))"
    ),
    operator=">",
    threshold=3,
    unit=Unit.COUNT,
    for_seconds=0,
    keep_firing_seconds=180,
    why="A short fork makes one or two differences; more mean that a node follows another chain.",
    summary="{{ $labels.endpoint }} gave {value} other block hashes than the majority.",
    description="For the same heights the endpoint tells another story than the others, or it left"
    " the chain that we evaluated while another endpoint still extends it.",
    runbook=Runbook(
        meaning="A node is on a fork, badly broken, or lies.",
        check=("Compare hashes at one height with a public explorer.", "See the node's version."),
        fix=("Take the endpoint out until it agrees.",),
        escalate="Call the chain lead: balances read from it may be wrong.",
    ),
    requirements=("A-CH-FORK", "M-FORK"),
)
HEAD_STALLED = AlertRule(
    id="ChainHeadStalled",
    severity=Severity.P1,
    component=Component.CHAIN,
    team="chain",
    alert_group="chain-head",
    group_priority=2,
    scrape_class=CRITICAL,
    value=lambda _: f"max(timestamp({chain.head_received}) - {chain.head_received})",
    operator=">",
    threshold=3,
    unit=Unit.SECONDS,
    for_seconds=10,
    keep_firing_seconds=60,
    why=(
        "Blocks come every 450 ms and three seconds are six of them. The age is taken at the moment"
        " of the scrape, so a slow scrape does not look like a stalled chain."
    ),
    summary="No new block has reached us for {value}; the limit is {threshold}.",
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
FINALITY = AlertRule(
    id="FinalityStalled",
    severity=Severity.P1,
    component=Component.CHAIN,
    team="chain",
    alert_group="chain-finality",
    scrape_class=CRITICAL,
    value=lambda p: f"max({latest(p, str(chain.finality_lag))})",
    operator=">",
    threshold=15,
    unit=Unit.BLOCKS,
    for_seconds=15,
    keep_firing_seconds=120,
    why="Two or three are normal; fifteen for as many seconds mean that votes are missing.",
    summary="The newest final block is {value} behind the head; the limit is {threshold}.",
    description="Blocks are made, but validators do not finalise them.",
    runbook=Runbook(
        meaning="What looks done can still be undone.",
        check=("See the validators' votes on a public explorer.", "Compare several endpoints."),
        fix=("Ask for more confirmations before crediting deposits.", "Pause large withdrawals."),
        escalate="Call the chain lead when it lasts for two minutes.",
    ),
    requirements=("A-CH-CONFIRM",),
)
MISSING = AlertRule(
    id="BlocksMissing",
    severity=Severity.P1,
    component=Component.CHAIN,
    team="chain",
    alert_group="chain-blocks",
    scrape_class=CRITICAL,
    value=lambda p: f"max(min_over_time({chain.block_gaps_open}[{p.window(60, CRITICAL)}]))",
    operator=">",
    threshold=5,
    unit=Unit.BLOCKS,
    for_seconds=15,
    keep_firing_seconds=120,
    why=(
        "One or two blocks are always on their way, and a gap is filled within seconds as long as a"
        " node has the block. The least of a minute tells what stays behind: a block that nobody"
        " can read holds up all that follow, so more than five wait after three seconds."
    ),
    summary="{value} that exist have not been looked at; the limit is {threshold}.",
    description="The least number of blocks that waited to be read during the last minute.",
    runbook=Runbook(
        meaning="What happened in these blocks is unknown to every rule.",
        check=("See the watch role's log for the block numbers and errors.", "Ask a node for one."),
        fix=("Add an endpoint that keeps older receipts.",),
        escalate="Call the chain lead if they stay missing for ten minutes.",
    ),
    requirements=("M-NODE-SYNC",),
)
REORG = AlertRule(
    id="ReorgDeep",
    severity=Severity.P1,
    component=Component.CHAIN,
    team="chain",
    alert_group="chain-fork",
    scrape_class=CRITICAL,
    value=lambda p: f'sum(increase({chain.reorgs}{{depth!~"1|2"}}[{p.window(300, CRITICAL)}]))',
    operator=">",
    threshold=0,
    unit=Unit.COUNT,
    for_seconds=0,
    keep_firing_seconds=300,
    why="The event is over at once, so it is shown for as long as the window and the keeping.",
    summary="The chain was reorganised more than two blocks deep, {value} times in five minutes.",
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


GAS_HIGH = AlertRule(
    id="GasPriceHigh",
    severity=Severity.P2,
    component=Component.CHAIN,
    team="chain",
    alert_group="gas-price",
    scrape_class=HIGH,
    value=_gas,
    operator=">",
    threshold=3,
    unit=Unit.COUNT,
    for_seconds=60,
    keep_firing_seconds=120,
    why=(
        "The floor of the gas price has fallen sixtyfold over the years, so a fixed limit ages;"
        " three times the median of a day does not. One minute rules out a single odd block."
    ),
    summary="Gas costs {value} times its median of the last day; the limit is {threshold} times.",
    description="The price that nodes suggest, against its median of the last day.",
    runbook=Runbook(
        meaning="Trades cost more, and those sent at the old price hang.",
        check=("See block utilisation: is the chain full?", "See what our transactions pay."),
        fix=("Follow the suggested price.", "Put off transactions that can wait."),
        escalate="Tell the chain lead when confirmations slow down as well.",
    ),
    requirements=("A-CH-GAS",),
)

CHAIN_ALERTS = (
    UNREACHABLE,
    LAGGING,
    PEERS_LOW,
    DISAGREE,
    HEAD_STALLED,
    FINALITY,
    MISSING,
    REORG,
    GAS_HIGH,
)
