"""Verifying records: everything they say is made again, from weights or data, and compared."""
