"""The tables of the documents, made from the stored results of `measure` and of runs."""
