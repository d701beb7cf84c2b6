"""The parts of a platform that people name when they ask which one is ill."""

from enum import StrEnum


class Component(StrEnum):
    """One part; each rule says which one it is about, and its alerts carry it as a label."""

    API = "api"
    TRADING = "trading"
    CHAIN = "chain"
    CONTRACTS = "contracts"
    DATABASE = "database"
    CACHE = "cache"
    LOAD_BALANCER = "load-balancer"
    JOBS = "jobs"
    USERS = "users"
    HOSTS = "hosts"
    MONITORING = "monitoring"

    @property
    def words(self) -> str:
        """The component's name on pages."""
        return _TITLES[self]


_TITLES = {
    Component.API: "API",
    Component.TRADING: "Trading",
    Component.CHAIN: "Chain",
    Component.CONTRACTS: "Contracts",
    Component.DATABASE: "Database",
    Component.CACHE: "Cache",
    Component.LOAD_BALANCER: "Load balancer",
    Component.JOBS: "Jobs and data",
    Component.USERS: "Users and security",
    Component.HOSTS: "Hosts",
    Component.MONITORING: "Monitoring",
}
