// Written from dexwatch/metrics/units.py by `python -m tools.reference`; do not edit.
dexwatch.unitTable = {
 "units": {
  "count": {
   "style": "short",
   "suffix": "",
   "scale": 1.0
  },
  "seconds": {
   "style": "seconds",
   "suffix": "",
   "scale": 1.0
  },
  "bytes": {
   "style": "bytes",
   "suffix": "",
   "scale": 1.0
  },
  "ratio": {
   "style": "percent",
   "suffix": "",
   "scale": 1.0
  },
  "usd": {
   "style": "money",
   "suffix": "",
   "scale": 1.0
  },
  "wei": {
   "style": "plain",
   "suffix": "gwei",
   "scale": 1000000000.0
  },
  "gas": {
   "style": "short",
   "suffix": "gas",
   "scale": 1.0
  },
  "blocks": {
   "style": "whole",
   "suffix": "",
   "scale": 1.0
  },
  "timestamp": {
   "style": "moment",
   "suffix": "",
   "scale": 1.0
  },
  "boolean": {
   "style": "yes-no",
   "suffix": "",
   "scale": 1.0
  },
  "per_second": {
   "style": "short",
   "suffix": "/s",
   "scale": 1.0
  },
  "per_minute": {
   "style": "short",
   "suffix": "/min",
   "scale": 1.0
  },
  "bytes_per_second": {
   "style": "bytes",
   "suffix": "/s",
   "scale": 1.0
  },
  "tokens": {
   "style": "short",
   "suffix": "",
   "scale": 1.0
  },
  "multiple": {
   "style": "short",
   "suffix": "\u00d7",
   "scale": 1.0
  }
 },
 "thousands": [
  [
   1000000000000.0,
   "T"
  ],
  [
   1000000000.0,
   "G"
  ],
  [
   1000000.0,
   "M"
  ],
  [
   1000.0,
   "k"
  ]
 ],
 "bytes": [
  [
   1099511627776.0,
   "TiB"
  ],
  [
   1073741824.0,
   "GiB"
  ],
  [
   1048576.0,
   "MiB"
  ],
  [
   1024.0,
   "KiB"
  ]
 ],
 "spans": [
  [
   86400,
   "d"
  ],
  [
   3600,
   "h"
  ],
  [
   60,
   "min"
  ],
  [
   1,
   "s"
  ]
 ],
 "huge": 1e+18,
 "lastMoment": 253402300800,
 "dash": "\u2013",
 "thin": "\u202f"
};
