"""The fault suite: our stages against a vendor and a database that fail, judged by the sandbox's own books.

campaigns  three small campaigns, their people and their accounts
worker     the pipeline as one process that can be killed and started again
world      a database, a sandbox and workers; what a person sees and does
strikes    what happens to a worker at the moment that a case names
cases      every case as data
runner     one case from start to end
judge      the figures of a case: who was dialled, against what we know of it
choice     which cases a command line means
page       docs/faults.md from the lines of all producers
sizes      how much random sequences and the killed delivery play: OBZVON_FAULT_SEQUENCES
mortal     a worker inside the test's process that dies between two awaits
stages     the stages as the tasks of the DAG call them, for random sequences
watch      what must hold after every step of a sequence, and in its end

`python -m faults` (make faults) runs every case and writes the page.
"""
