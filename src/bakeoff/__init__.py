"""bakeoff: which model should I use, how sure is that, and what does it cost?

Importing the package is cheap; torch, kfp, wandb and ray are imported where they are used.
"""

__version__ = "0.1.0"
