"""The sample DEX: a real exchange on a local chain, to show, test and rehearse everything on.

`run.sample` starts it, `scenarios.SCENARIOS` break it.
Nothing is imported here, because each of its processes imports this package.
"""
