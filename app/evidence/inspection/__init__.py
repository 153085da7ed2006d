"""Opening files of evidence: what they hold, in a process that may do nothing else."""
