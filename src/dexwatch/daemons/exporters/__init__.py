"""The exporters that others wrote and we run. To add one: its module, and its line here.

Its settings stand in `daemons.programs.exporter_config`; programs, scrape jobs, what `doctor` asks
for and what set-up installs follow from the registry.
"""

from dexwatch.daemons.exporters.blackbox import BLACKBOX
from dexwatch.daemons.exporters.exporter import Exporter
from dexwatch.daemons.exporters.nginx import NGINX
from dexwatch.daemons.exporters.node import NODE
from dexwatch.daemons.exporters.postgres import POSTGRES
from dexwatch.daemons.exporters.redis import REDIS

EXPORTERS: tuple[Exporter, ...] = (NODE, BLACKBOX, POSTGRES, REDIS, NGINX)
