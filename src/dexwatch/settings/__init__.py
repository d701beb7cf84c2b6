"""The configuration of one dexwatch: gathers the Config that each capability declares.

    settings = load(Path("dexwatch.yml"))
    settings = load(Path("dexwatch.yml"), secrets=("chain", "database"))    # for the role watch

All mistakes are found in one run, each with file, line, key and remedy.
"""

from dexwatch.settings.loading import load
from dexwatch.settings.model import Settings
from dexwatch.settings.problems import Problem, SettingsError

__all__ = ["Problem", "Settings", "SettingsError", "load"]
