"""Switch Raceway on for every interpreter that has this folder on its PYTHONPATH.

Python imports the module ``sitecustomize`` before the program. Nothing here may print or fail: the
interpreter may be one that has no Raceway, started by a program that reads its output.
"""

try:
    import raceway_autopatch

    raceway_autopatch.install()
except (ImportError, OSError):  # no Raceway here, or no place for its recording
    pass
