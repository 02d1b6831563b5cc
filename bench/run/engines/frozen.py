"""Imported last by the server that jobs are forked from: what it has loaded is there to stay.

Its garbage collector then leaves those objects alone, so that children share their memory, and the
server ends without looking through all of them once more. Our own sources are among them: every job
says of which code it is.
"""

import gc

from bench.identity.code import read_ahead

read_ahead()
gc.freeze()
