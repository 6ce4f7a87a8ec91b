"""The container image every component names, and what all steps are given."""

from bakeoff import __version__

IMAGE = f"bakeoff-cpu-python:{__version__}"
"""What `make images` builds. `bakeoff compile --image` pins another one, by digest."""
