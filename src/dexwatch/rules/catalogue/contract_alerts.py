"""The platform's own contracts: do calls succeed, is one paused."""

from functools import partial

from dexwatch.metrics import exchange
from dexwatch.metrics.component import Component
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Unit
from dexwatch.metrics.promql import enough, gained, latest_of, share
from dexwatch.metrics.scrape_class import CRITICAL
from dexwatch.metrics.severity import Severity
from dexwatch.rules.rule import AlertRule, Runbook

contract_rule = partial(AlertRule, component=Component.CONTRACTS, scrape_class=CRITICAL)

REVERTED = exchange.contract_calls.where('outcome="reverted"')

CALLS_FAILING = contract_rule(
    id="ContractCallsFailing",
    severity=Severity.P0,
    alert_group="contract-calls",
    value=lambda p: share(
        p, REVERTED, str(exchange.contract_calls), by="contract", scrape_class=CRITICAL
    ),
    threshold=0.25,
    unit=Unit.RATIO,
    condition=lambda p: enough(p, REVERTED, 10, by="contract", scrape_class=CRITICAL),
    why=(
        "Some reverts are healthy: the price moved beyond the user's limit. A quarter, with at"
        " least ten within five minutes, is a contract that refuses to work."
    ),
    summary="{value} of the calls to {{ $labels.contract }} revert; the threshold is {threshold}.",
    description="Share of transactions to a watched contract that reverted, over {5m}.",
    runbook=Runbook(
        meaning="The contract refuses what users ask, or somebody tries things on it.",
        check=(
            "See which method reverts, and with which reason.",
            "See who calls: many users, or a few addresses?",
            "See whether the contract is paused or its settings changed.",
        ),
        fix=(
            "Undo the setting that makes it revert.",
            "Stop sending users there until it works.",
            "If it is an attack that is warded off: watch balances and be ready to pause.",
        ),
        escalate="Call the smart-contract lead at once.",
    ),
    requirements=("A-P0-CONTRACT", "M-CONTRACT"),
)
PAUSED = contract_rule(
    id="ContractPaused",
    severity=Severity.P1,
    alert_group="contract-paused",
    value=latest_of(exchange.contract_paused, by="contract"),
    unit=Unit.BOOLEAN,
    keep_firing_seconds=60,
    why="A pause is a state that somebody set; it needs no confirmation by time.",
    summary="The contract {{ $labels.contract }} is paused.",
    description="The contract says that it is paused; its users cannot act.",
    runbook=Runbook(
        meaning="A guardian stopped the contract, by plan, by alarm, or with a stolen key.",
        check=("See who sent the transaction that paused it.", "Ask the guardians."),
        fix=("Unpause only when the reason is known and gone, by the guardians' procedure.",),
        escalate="Call the smart-contract lead at once if no guardian claims it.",
    ),
    requirements=("M-CONTRACT",),
)

EVENTS_MALFORMED = contract_rule(
    id="EventsMalformed",
    severity=Severity.P3,
    alert_group="events-malformed",
    value=gained(exchange.events_malformed, by="address", seconds=1800, scrape_class=CRITICAL),
    threshold=10,
    keep_firing_seconds=600,
    why="Anybody can emit one odd event; ten in half an hour are a contract that is read wrongly.",
    summary="{value} events of {{ $labels.address }} do not fit; the threshold is {threshold}.",
    description="Events bear a topic that we know, but not the fields that belong to it.",
    runbook=Runbook(
        meaning="What this contract does is missing in volumes, liquidity or contract metrics.",
        check=(
            "See whether the address is of the kind that dexwatch.yml says it is.",
            "See whether the contract was replaced or upgraded.",
        ),
        fix=("Correct the address or its kind in dexwatch.yml, and reload.",),
        escalate="Tell the contract team within the day.",
    ),
    requirements=("M-CONTRACT",),
)

CONTRACT_ALERTS = declared(AlertRule, globals())
