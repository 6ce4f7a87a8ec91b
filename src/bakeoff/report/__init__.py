"""What people see of a bake-off: the HTML page, Markdown for the KFP UI, terminal tables."""

from bakeoff.report.markdown import write_markdown
from bakeoff.report.page import write_report

__all__ = ["write_markdown", "write_report"]
