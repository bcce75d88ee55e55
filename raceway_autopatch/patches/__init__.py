"""One file for each module that is patched: SUPPORTS, PATCHES and the wrappers.

Importing a patch file changes nothing; ``registry`` applies it when its module has been executed,
and only ``patching`` sets foreign attributes.  A file knows the recorder and no other patch file.
"""
