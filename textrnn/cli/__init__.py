"""The command line: the only place that knows click, rich and the terminal.

``app`` lists the commands; each has a file of its own, which is imported only when the command runs.
"""
