"""Awaits the dead man's signal, and asks whether what is told as over is over."""
