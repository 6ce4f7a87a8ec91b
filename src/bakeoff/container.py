"""The container image every component names, and what all steps are given."""

from bakeoff import __version__

IMAGE = f"bakeoff-cpu-python:{__version__}"
"""What `make images` builds. `bakeoff compile --image` pins another one, by digest."""

CODE = "BAKEOFF_CODE"
"""Environment variable of a task on this machine: a hash of the code it runs, and of its GPU.

It is part of kfp.local's cache key. On a cluster the image, pinned by digest, is the code.
"""
