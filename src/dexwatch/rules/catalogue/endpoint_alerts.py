"""The nodes that we see the chain through: do they answer, keep up, and tell the truth?"""

from functools import partial

from dexwatch.metrics import chain
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import gained, latest_of
from dexwatch.metrics.scrape_class import CRITICAL, STANDARD
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook, state_rule

endpoint_rule = partial(AlertRule, component=Component.CHAIN)
endpoint_state = partial(state_rule, component=Component.CHAIN)

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

UNREACHABLE = endpoint_state(
    id="NodeUnreachable",
    severity=Severity.P1,
    alert_group="chain-node",
    group_priority=4,
    scrape_class=CRITICAL,
    value=latest_of(chain.endpoint_up, by="endpoint"),
    for_seconds=15,
    why="Three failed queries; a single time-out of a public endpoint is daily life.",
    summary="The node {{ $labels.endpoint }} does not answer.",
    description="The endpoint fails our head query.",
    runbook=NODE,
    requirements=("A-CH-NODE",),
)
LAGGING = endpoint_rule(
    id="NodeLagging",
    severity=Severity.P2,
    alert_group="chain-node",
    group_priority=3,
    scrape_class=CRITICAL,
    value=latest_of(chain.endpoint_lag, by="endpoint"),
    threshold=10,
    unit=Unit.BLOCKS,
    for_seconds=30,
    why="Ten blocks are four and a half seconds; for half a minute that is more than a late push.",
    summary=(
        "The node {{ $labels.endpoint }} is {value} behind the best; the threshold is {threshold}."
    ),
    description="Another endpoint knows newer blocks: this one does not keep in sync.",
    runbook=NODE,
    requirements=("A-CH-NODE",),
)
UNVERIFIED = endpoint_state(
    id="NodeUnverified",
    severity=Severity.P2,
    alert_group="chain-node",
    group_priority=2,
    scrape_class=CRITICAL,
    value=latest_of(chain.endpoint_verified, by="endpoint"),
    for_seconds=600,
    why="A node that restarts catches up within minutes; after ten it is no reserve any more.",
    summary="The node {{ $labels.endpoint }} shows no block of the chain that we follow.",
    description="It answers, but is on another chain, far behind, or refuses to show its blocks.",
    runbook=NODE,
    requirements=("A-CH-NODE",),
)
PEERS_LOW = endpoint_rule(
    id="NodePeersLow",
    severity=Severity.P2,
    alert_group="chain-node",
    value=latest_of(chain.endpoint_peers, by="endpoint", scrape_class=STANDARD),
    operator="<",
    threshold=5,
    for_seconds=120,
    keep_firing_seconds=180,
    why="A restarted node needs a minute to find its peers.",
    summary="The node {{ $labels.endpoint }} has {value} peers; the threshold is {threshold}.",
    description="With few peers blocks come late, or from one side only.",
    runbook=NODE,
    requirements=("A-CH-NODE",),
)
_gained = partial(gained, by="endpoint", seconds=300, scrape_class=CRITICAL)
DISAGREE = endpoint_rule(
    id="NodesDisagree",
    severity=Severity.P1,
    alert_group="chain-truth",
    scrape_class=CRITICAL,
    value=lambda p: (
        f"{_gained(chain.endpoint_divergences)(p)}"
        # One refused reorganisation of an endpoint is as telling as ten other hashes.
        f" + 10 * {_gained(chain.reorgs_refused)(p)}"
        # So is a block whose content does not give its hash.
        f" + 10 * {_gained(chain.blocks_refused)(p)}"
    ),
    threshold=3,
    keep_firing_seconds=180,
    why="A short fork makes one or two differences; more mean that a node follows another chain.",
    summary="{{ $labels.endpoint }} gave other blocks than the majority, or false ones: {value}.",
    description="For the same heights the endpoint tells another story than the others, or it left"
    " the chain that we evaluated while another endpoint still extends it, or it gave a block whose"
    " content does not give its hash.",
    runbook=Runbook(
        meaning="A node is on a fork, badly broken, or lies.",
        check=("Compare hashes at one height with a public explorer.", "See the node's version."),
        fix=("Take the endpoint out until it agrees.",),
        escalate="Call the chain lead: balances read from it may be wrong.",
    ),
    requirements=("A-CH-FORK", "M-FORK"),
)

ENDPOINT_ALERTS = declared(AlertRule, globals())
