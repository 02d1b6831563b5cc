"""The table of a suite as plain values: records found, sorted into rows, ranked, written out."""
