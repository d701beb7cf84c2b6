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
        return _WORDS_AND_TEAM[self][0]

    @property
    def team(self) -> str:
        """The team that answers for the component."""
        return _WORDS_AND_TEAM[self][1]


_WORDS_AND_TEAM = {
    Component.API: ("API", "platform"),
    Component.TRADING: ("Trading", "trading"),
    Component.CHAIN: ("Chain", "chain"),
    Component.CONTRACTS: ("Contracts", "chain"),
    Component.DATABASE: ("Database", "database"),
    Component.CACHE: ("Cache", "database"),
    Component.LOAD_BALANCER: ("Load balancer", "platform"),
    Component.JOBS: ("Jobs and data", "platform"),
    Component.USERS: ("Users and security", "security"),
    Component.HOSTS: ("Hosts", "platform"),
    Component.MONITORING: ("Monitoring", "monitoring"),
}
